"""docs/rotate-secrets.md on a running cluster: a new token and a new signing key, without a rebuild or a push."""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from common.kubernetes import api
from infra.contract import names
from permanent import parameters
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from tests.support.clusters import Town

PAGE = (REPOSITORY / "docs" / "rotate-secrets.md").read_text()
NOTE = "docs/note-of-the-rotation.md"
SIGNING_KEY = "flux-system/image-automation-signing-key"


def secret(town: Town, name: str, key: str) -> str:
    found = town.cluster.get(api.SECRET, name, "flux-system")
    assert found
    return base64.b64decode(found["data"][key]).decode()


def pods(town: Town) -> set[str]:
    return {pod["metadata"]["uid"] for pod in town.cluster.list(api.POD, "applications")}


@pytest.mark.parametrize("minutes", [0, pytest.param(4, marks=pytest.mark.long)])
def test_a_revoked_token_stops_flux_and_one_run_with_a_new_one_starts_it_again(
    bootstrapped: Town, minutes: int
) -> None:
    """Without a push; however long Flux waits before it would try again by itself."""
    town = bootstrapped
    new = f"another-token-{minutes}"
    before = pods(town)
    town.layout.token_file.write_text(f"{new}\n")  # revokes the old one
    town.switch(protected=True)
    try:
        town.reconcile(api.GIT_REPOSITORY, "flux-system")
        town.until(lambda: re.search("auth", town.ready(api.GIT_REPOSITORY, "flux-system")))
        assert "fleet bootstrap run" in town.bootstrap("status", code=1).text
        time.sleep(minutes * 60)  # the fault itself
        head = town.head
        said = town.bootstrap("run", environment={"FLUX_GITHUB_TOKEN": new})
    finally:
        town.environment["FLUX_GITHUB_TOKEN"] = new
        town.switch(protected=False)
    if minutes:  # at first Flux tries again every second, and may have seen the new token before flux asks
        assert "what flux saw was from before" in said.err
    assert secret(town, "flux-system", "password") == new
    assert town.ready(api.GIT_REPOSITORY, "flux-system").endswith(head)
    assert town.head == head
    assert before <= pods(town), "none was replaced; the autoscaler may have added one"
    town.commit({NOTE: f"after the rotation to {new}\n"})
    town.sync()
    town.bootstrap("verify", "--wait")


def test_a_new_signing_key_is_generated_and_reaches_the_cluster(bootstrapped: Town) -> None:
    town = bootstrapped
    ssm = town.aws("ssm")
    assert f"aws ssm delete-parameter --name {names.IMAGE_AUTOMATION_SIGNING_KEY}\n" in PAGE
    before = parameters.public_signing_key(ssm)
    ssm.delete_parameter(Name=names.IMAGE_AUTOMATION_SIGNING_KEY)
    assert parameters.generate(ssm) == [names.IMAGE_AUTOMATION_SIGNING_KEY]
    public = parameters.public_signing_key(ssm)
    assert public != before
    said = town.bootstrap("run")
    assert f"secrets written: {SIGNING_KEY}" in said.err
    key = serialization.load_ssh_private_key(
        secret(town, SIGNING_KEY.partition("/")[2], "identity").encode(), password=None
    )
    encoded = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert encoded.decode() == public
