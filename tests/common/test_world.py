"""The sandbox and a real account never meet."""

from __future__ import annotations

import os

import pytest

from common import world
from common.errors import FleetError


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv(world.SANDBOX_VARIABLE, raising=False)


def test_a_real_account_is_taken_outside_and_the_embedded_one_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    world.refuse_other_world()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://sts.eu-west-2.amazonaws.com")
    world.refuse_other_world()
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS")
    monkeypatch.setenv(world.SANDBOX_VARIABLE, "/sandbox")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4100")
    world.refuse_other_world()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4100", "http://localhost:4100", "http://[::1]:4100", "http://127.9.9.9"]
)
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EKS"])
def test_an_endpoint_of_this_machine_is_refused_outside(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(FleetError, match=rf"{name} = .* is on this machine"):
        world.refuse_other_world()


@pytest.mark.parametrize("url", ["https://eks.eu-west-2.amazonaws.com", ""])
def test_any_other_is_refused_inside(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(world.SANDBOX_VARIABLE, "/sandbox")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(FleetError, match=r"is not on this machine|has no AWS_ENDPOINT_URL"):
        world.refuse_other_world()
