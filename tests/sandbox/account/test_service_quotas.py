"""Quotas that were raised for the account, and those that have AWS's default alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox.account.aws import refused

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Aws

SPOT, VPCS = {"ServiceCode": "ec2", "QuotaCode": "L-34B43A08"}, {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}


def test_a_quota_has_a_value_of_the_account_only_where_one_was_applied(aws: Aws) -> None:
    quotas = aws.client("service-quotas")
    assert quotas.get_service_quota(**SPOT)["Quota"]["Value"] == 64
    with refused("NoSuchResourceException"):
        quotas.get_service_quota(**VPCS)


def test_every_quota_has_a_default(aws: Aws) -> None:
    quotas = aws.client("service-quotas")
    for quota in (SPOT, VPCS):
        assert quotas.get_aws_default_service_quota(**quota)["Quota"]["Value"] == 5
    with refused("NoSuchResourceException"):
        quotas.get_aws_default_service_quota(ServiceCode="vpc", QuotaCode="L-0")
