"""Calls fail by rule, as AWS's would: code, which call, after how many, how late."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox.account.faults import RESET, Rule
from tests.sandbox.account.aws import Aws, refused

if TYPE_CHECKING:
    from collections.abc import Callable


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
