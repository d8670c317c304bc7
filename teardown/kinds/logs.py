"""Log groups that EKS and Container Insights make for a cluster, and make again after it is gone.

Source: EKS user guide, "Send control plane logs to CloudWatch Logs"; CloudWatch user guide, "Container Insights".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.contract import names
from infra.contract.sweep_policies import Permission, Scope, reads
from teardown.claim import Claim
from teardown.kinds.base import Kind, Leftover

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common.aws import Aws
    from teardown.target import Target

PREFIXES = ("/aws/eks/{}/", "/aws/containerinsights/{}/")


def log_groups(aws: Aws, target: Target) -> Iterator[Leftover]:
    """By name alone; the one of the permanent layer stays."""
    for prefix in PREFIXES:
        start = prefix.format(target.cluster)
        for group in aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=start):
            name = group["logGroupName"]
            if name == names.log_group(target.cluster):
                continue
            created = datetime.fromtimestamp(group["creationTime"] / 1000, UTC)
            yield Leftover(LOG_GROUP, name, Claim.OURS, created=created, monthly=None)


LOG_GROUP = Kind(
    "log group",
    log_groups,
    reads("logs:DescribeLogGroups"),
    lambda aws, each: aws.client("logs").delete_log_group(logGroupName=each.id),
    (
        Permission(
            ("logs:DeleteLogGroup",),
            (
                "logs:@region@:@account_id@:log-group:/aws/eks/@cluster@/*",
                "logs:@region@:@account_id@:log-group:/aws/containerinsights/@cluster@/*",
            ),
            (Scope.NAME,),
        ),
    ),
    command="aws logs delete-log-group --log-group-name {id}",
)

KINDS = (LOG_GROUP,)
