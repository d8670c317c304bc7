"""Other stacks than staging: next to it, in another account, region and zones."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.account.clients import client
from tests.support.checkout import REPOSITORY
from tests.support.rehearsals import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.engine


def test_a_second_stack_previews_beside_the_first(sandbox: Sandbox) -> None:
    second = Sandbox(sandbox.folder, "blue")
    second.configure(
        vpcCidr="10.64.0.0/16",
        natStrategy="per-zone",
        deletionProtection=True,
        clusterName="blue",
    )
    first = sandbox.steps()
    found = second.steps()
    assert found["NatGateway nat-eu-west-2b"] == "create"
    assert "NatGateway nat-eu-west-2b" not in first
    assert set(first) - set(found) == {"Stack infra-fleet-staging"}


def test_account_region_and_zones_come_from_the_stacks_config(make_sandbox: Callable[..., Sandbox]) -> None:
    elsewhere = make_sandbox(
        "elsewhere",
        accountId="210987654321",
        region="ap-northeast-1",
        zones=["ap-northeast-1c", "ap-northeast-1d"],
        clusterAdmins=None,
    )
    done = elsewhere.succeed("preview")
    assert "an embedded AWS account, 210987654321 in ap-northeast-1" in done.err
    assert "public-ap-northeast-1d" in done.out
    assert elsewhere.account.account_id == "210987654321"


@pytest.mark.night
def test_a_private_stack_with_a_jump_box_is_built_once_and_goes_without_a_trace(
    make_sandbox: Callable[..., Sandbox],
) -> None:
    config: dict[str, Any] = {
        "endpointAccess": "private",
        "endpointPublicCidrs": None,
        "endpointAnywhereAcknowledged": None,
        "jumpBox": True,
    }
    private = make_sandbox("private", **config)
    private.prepare()
    before = private.census()
    private.succeed("up", "--", "--skip-preview")
    assert private.steps() == {}
    built = private.census()
    assert len(built["instance"]) == 1 + 2

    # The filter that docs/bootstrap.md gives.
    ec2 = client("ec2", endpoint=private.account.endpoint, region=private.account.region)
    filters = [
        {"Name": "tag:Name", "Values": ["session-manager-jumpbox"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    (reservation,) = ec2.describe_instances(Filters=filters)["Reservations"]
    (box,) = reservation["Instances"]
    assert box["InstanceId"] in built["instance"]
    assert "KeyName" not in box
    assert "PublicIpAddress" not in box

    # Other tags make another version of each launch template: nodes are renewed in place, the box is replaced.
    private.configure(**config, tags={"team": "platform"})
    steps = private.steps()
    assert (steps["LaunchTemplate default"], steps["NodeGroup default"]) == ("update", "update")
    assert (steps["LaunchTemplate jump-box"], steps["Instance jump-box"]) == ("update", "replace")
    private.succeed("up", "--", "--skip-preview")
    private.succeed("refresh", "--", "--expect-no-changes", "--skip-preview")
    assert private.steps() == {}
    changed = private.census()
    assert {kind: len(ids) for kind, ids in changed.items()} == {kind: len(ids) for kind, ids in built.items()}

    private.succeed("destroy", "--", "--skip-preview")
    assert private.census() == before


def test_the_users_pulumi_home_and_the_production_files_stay_untouched(sandbox: Sandbox) -> None:
    home = sandbox.folder.root.parent / "home"
    home.mkdir()
    before = [(path, path.read_bytes()) for path in sorted(REPOSITORY.glob("Pulumi*.yaml"))]
    status = ["git", "status", "--porcelain"]
    changed = subprocess.run(status, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    sandbox.succeed("preview", HOME=str(home))
    assert not (home / ".pulumi").exists()
    assert [(path, path.read_bytes()) for path, _ in before] == before
    assert subprocess.run(status, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout == changed
