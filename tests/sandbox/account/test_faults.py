"""Calls fail by rule, as AWS's would: code, which call, after how many, how late."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox.account.clients import OWN, is_own, own_client
from sandbox.account.faults import RESET, Rule
from sandbox.account.operations import mistake
from tests.sandbox.account.aws import Aws, refused
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "ServiceUnavailable", "ExpiredToken"])
@pytest.mark.parametrize("call", ["ec2", "elbv2", "elb", "iam", "eks", "logs", "s3", "tag"])
def test_every_service_answers_in_its_own_way(aws: Aws, strike: Callable[..., None], code: str, call: str) -> None:
    calls = {
        "ec2": lambda: aws.ec2.describe_vpcs(),
        "elbv2": lambda: aws.client("elbv2").describe_load_balancers(),
        "elb": lambda: aws.client("elb").describe_load_balancers(),
        "iam": lambda: aws.iam.list_roles(),
        "eks": lambda: aws.eks.list_clusters(),
        "logs": lambda: aws.client("logs").describe_log_groups(),
        "s3": lambda: aws.client("s3").list_buckets(),
        "tag": lambda: aws.client("resourcegroupstaggingapi").get_resources(),
    }
    strike(Rule(code))
    with refused(code):
        calls[call]()
    strike()
    assert calls[call]()


def test_a_connection_ends_in_the_middle(aws: Aws, strike: Callable[..., None]) -> None:
    strike(Rule(RESET))
    with pytest.raises(ConnectionClosedError):
        aws.ec2.describe_vpcs()
    strike()
    assert aws.ec2.describe_vpcs()


def test_only_some_calls_fail_after_some_and_for_a_while(aws: Aws, strike: Callable[..., None]) -> None:
    strike(Rule("AccessDenied", service="ec2", operation="DescribeV*", after=1, times=2))

    def goes() -> bool:
        try:
            aws.ec2.describe_volumes()
        except ClientError:
            return False
        return True

    assert aws.ec2.describe_subnets()
    assert [goes() for _ in range(4)] == [True, False, False, True]


def test_an_answer_may_be_late(aws: Aws, strike: Callable[..., None]) -> None:
    strike(Rule("", service="ec2", latency=0.5))
    began = time.monotonic()
    assert aws.ec2.describe_vpcs()
    assert time.monotonic() - began >= 0.5  # the latency itself


def test_an_answer_may_hold_another_value(aws: Aws, strike: Callable[..., None]) -> None:
    strike(Rule("", service="ec2", operation="DescribeRegions", replaces="eu-west-[12]", by="eu-nowhere-1"))
    names = [each["RegionName"] for each in aws.ec2.describe_regions()["Regions"]]
    assert names.count("eu-nowhere-1") == 2
    strike()
    assert "eu-west-2" in [each["RegionName"] for each in aws.ec2.describe_regions()["Regions"]]


def test_a_missing_permission_is_said_as_aws_says_it(aws: Aws, strike: Callable[..., None]) -> None:
    strike(Rule("UnauthorizedOperation", service="ec2"))
    with pytest.raises(ClientError, match="not authorized to perform: ec2:DescribeVpcs on resource: "):
        aws.ec2.describe_vpcs()


@pytest.mark.parametrize("service", ["s3", "iam", "kms", "sts", "ec2", "*"])
def test_a_fault_passes_the_sandbox_s_own_calls_by(aws: Aws, strike: Callable[..., None], service: str) -> None:
    """They prepare what is to be hit: roles, the state's bucket, credentials, leftovers."""
    calls = {"s3": "list_buckets", "iam": "list_roles", "kms": "list_keys", "sts": "get_caller_identity"}
    name = "ec2" if service == "*" else service
    ask = calls.get(service, "describe_vpcs")
    strike(Rule("AccessDenied", service=service, times=1))
    own = own_client(name, endpoint=aws.account.endpoint, region=aws.region)
    assert getattr(own, ask)()
    with refused("AccessDenied"):  # and it was not counted
        getattr(aws.client(name), ask)()


def test_only_the_exact_mark_is_the_sandbox_s_own() -> None:
    assert is_own(f"Boto3/1.0 app/{OWN} md/x")
    assert not any(map(is_own, ["", "Boto3/1.0", OWN, f"app/{OWN}-2", f"xapp/{OWN}"]))


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("*", "*"),
        ("ec2", "*"),
        ("ec2", "DescribeVpcs"),
        ("*", "DeleteVpc"),
        ("elasticloadbalancing", "DescribeTargetGroups"),
        ("elastic*", "Create*"),
        ("tagging", "GetResources"),
        ("unsigned", "AssumeRoleWithWebIdentity"),
        ("lambda", "CreateFunction"),
        ("s3", "unknown"),
    ],
)
def test_a_rule_that_can_match_is_no_mistake(service: str, operation: str) -> None:
    assert mistake(Rule("AccessDenied", service, operation)) == ""


@pytest.mark.parametrize(
    ("service", "operation", "meant"),
    [
        ("ekss", "*", "did you mean eks?"),
        ("EC2", "*", "did you mean ec2?"),
        ("elbv2", "*", "did you mean elasticloadbalancing?"),
        ("resourcegroupstaggingapi", "*", "did you mean tagging?"),
        ("nothing-like-it", "*", "no call is signed for a service nothing-like-it"),
        ("ec2", "DeleteVPC", "did you mean DeleteVpc?"),
        ("ec2", "delete_vpc", "did you mean DeleteVpc?"),
        ("iam", "DeleteVpc", "no operation of iam is named DeleteVpc"),
        ("*", "DeletVpc", "did you mean DeleteVpc?"),
        ("ec2", "Destroy*", "no operation of ec2 is named Destroy*"),
    ],
)
def test_a_rule_that_can_match_nothing_says_what_was_meant(service: str, operation: str, meant: str) -> None:
    assert meant in mistake(Rule("AccessDenied", service, operation))


def test_a_rule_that_never_fails_a_call_is_a_mistake() -> None:
    assert "--times 0" in mistake(Rule("AccessDenied", times=0))


def test_the_command_refuses_a_rule_that_can_match_nothing(tmp_path: Path) -> None:
    def fault(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "fleet",
            "sandbox",
            "fault",
            f"--folder={tmp_path}",
            "--code=AccessDenied",
            *arguments,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)

    wrong = fault("--service=ec2", "--operation=DeleteVPC")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "sandbox: no operation of ec2 is named DeleteVPC (did you mean DeleteVpc?)\n"
    assert not (tmp_path / "faults.json").exists()
    assert fault("--service=ec2", "--operation=DeleteVpc").returncode == 0
    assert (tmp_path / "faults.json").exists()
