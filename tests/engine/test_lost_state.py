"""A state that is lost while the stack lives: the stack's own tags take it down, whatever is next to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.account.clients import client
from tests.engine.test_nights import leave, night
from tests.permanent.example import DEPLOY
from tests.support.iam import allows_action

if TYPE_CHECKING:
    from typing import Any

    from tests.support.rehearsals import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]

CALLED = ("ec2", "eks", "iam", "elasticloadbalancing", "logs")
"""The services whose operations are named as their permissions."""


def lose(sandbox: Sandbox) -> None:
    """Remove the stack's state from the bucket, as a bad clean-up does."""
    s3 = of(sandbox, "s3")
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].startswith("infra-fleet-state-")]
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix=".pulumi/stacks/infra-fleet/staging")["Contents"]:
        s3.delete_object(Bucket=bucket, Key=entry["Key"])


def of(sandbox: Sandbox, service: str) -> Any:
    account = sandbox.account
    return client(service, endpoint=account.endpoint, region=account.region)


def test_a_stack_whose_state_is_lost_is_taken_down_by_its_tags(sandbox: Sandbox) -> None:
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up", "--", "--skip-preview")
    leave(sandbox)
    lose(sandbox)
    alone = night(sandbox)
    assert alone.code == 1, alone.text
    assert sandbox.census()["EKS cluster"] == ("staging",)
    since = len(sandbox.calls())
    ended = night(sandbox, "--recover", "--deadline=30")
    assert ended.code == 0, ended.text
    assert sandbox.census() == before
    called = {f"{service}:{operation}" for service, operation in sandbox.calls()[since:] if service in CALLED}
    assert {"eks:DeleteCluster", "ec2:DeleteVpc", "iam:DeleteRole"} <= called
    assert [action for action in sorted(called) if not allows_action(DEPLOY, action)] == []
    sandbox.succeed("preview")


def test_two_vpcs_with_the_stacks_tags_stop_a_recovery_before_anything_is_deleted(sandbox: Sandbox) -> None:
    sandbox.succeed("up", "--", "--skip-preview")
    ec2 = of(sandbox, "ec2")
    (built,) = ec2.describe_vpcs(Filters=[{"Name": "tag:cluster", "Values": ["staging"]}])["Vpcs"]
    tags = [{"ResourceType": "vpc", "Tags": built["Tags"]}]
    second = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    export = sandbox.run("exec", "--", "pulumi", "stack", "export", "--stack", "staging").out
    try:
        lose(sandbox)
        before = sandbox.census()
        stopped = night(sandbox, "--recover")
        assert stopped.code == 1, stopped.text
        assert built["VpcId"] in stopped.text
        assert second in stopped.text
        assert sandbox.census() == before
        named = night(sandbox, "--recover", "--deadline=30", f"--vpc={built['VpcId']}")
        assert named.code == 1, named.text
        after = sandbox.census()
        assert second in after["VPC"]
        assert built["VpcId"] not in after["VPC"]
        assert after["EKS cluster"] == ()
    finally:
        ec2.delete_vpc(VpcId=second)
    assert export is not None
