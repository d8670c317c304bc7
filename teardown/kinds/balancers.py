"""Load balancers of all kinds, and their target groups. Listeners and rules go with the load balancer.

Sources: Elastic Load Balancing API references (2015-12-01 and 2012-06-01); Resource Groups Tagging API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.aws import code_of
from infra.contract import prices
from infra.contract.sweep_policies import Permission, Scope, reads
from teardown import claim
from teardown.kinds.base import Kind, Leftover, tags_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common.aws import Aws
    from teardown.target import Target

COST = prices.LOAD_BALANCER_HOUR * prices.HOURS_A_MONTH
SERVICE = "elasticloadbalancing"
PROTECTED = "OperationNotPermitted"
BATCH = 20
"""DescribeTags takes so many at once, of either API."""


def tags_by_arn(aws: Aws, kind: str) -> dict[str, dict[str, str]]:
    """ARN → tags of all that has any, by a page a hundred. The service's own describe says whether it is there."""
    found = aws.pages(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", ResourceTypeFilters=[f"{SERVICE}:{kind}"]
    )
    return {each["ResourceARN"]: tags_of(each) for each in found}


def complete(aws: Aws, known: dict[str, dict[str, str]], arns: list[str]) -> dict[str, dict[str, str]]:
    """The same with what the tagging API has not heard of yet, asked of the service itself."""
    missing = [arn for arn in arns if arn not in known]
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        for each in aws.pages("elbv2", "describe_tags", "TagDescriptions", ResourceArns=batch):
            known[each["ResourceArn"]] = tags_of(each)
    return known


def balancers(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Application, network and gateway load balancers."""
    found = list(aws.pages("elbv2", "describe_load_balancers", "LoadBalancers"))
    ours = [each["LoadBalancerArn"] for each in found if target.may_have(each.get("VpcId"))]
    tags = complete(aws, tags_by_arn(aws, "loadbalancer"), ours)
    for each in found:
        arn, vpc = each["LoadBalancerArn"], each.get("VpcId", "")
        own = tags.get(arn, {})
        yield Leftover(
            BALANCER,
            arn,
            claim.claim(own, target, vpc),
            each["LoadBalancerName"],
            own,
            each.get("CreatedTime"),
            COST,
            groups=frozenset(each.get("SecurityGroups", ())),
            vpc_id=vpc,
            dns_name=each.get("DNSName", ""),
        )


def delete_balancer(aws: Aws, leftover: Leftover) -> None:
    """Its deletion protection is lifted where it has one: somebody else's would not be here."""
    elb = aws.client("elbv2")
    try:
        elb.delete_load_balancer(LoadBalancerArn=leftover.id)
    except ClientError as error:
        if code_of(error) != PROTECTED:
            raise
        off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
        elb.modify_load_balancer_attributes(LoadBalancerArn=leftover.id, Attributes=off)
        elb.delete_load_balancer(LoadBalancerArn=leftover.id)


def classic(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Classic load balancers, of the cloud controller manager."""
    found = list(aws.pages("elb", "describe_load_balancers", "LoadBalancerDescriptions"))
    names = [each["LoadBalancerName"] for each in found]
    tags: dict[str, dict[str, str]] = {}
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        described = aws.pages("elb", "describe_tags", "TagDescriptions", LoadBalancerNames=batch)
        tags |= {each["LoadBalancerName"]: tags_of(each) for each in described}
    for each in found:
        name, vpc = each["LoadBalancerName"], each.get("VPCId", "")
        own = tags.get(name, {})
        yield Leftover(
            CLASSIC,
            name,
            claim.claim(own, target, vpc),
            name,
            own,
            each.get("CreatedTime"),
            COST,
            groups=frozenset(each.get("SecurityGroups", ())),
            vpc_id=vpc,
            dns_name=each.get("DNSName", ""),
        )


def target_groups(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Target groups: one that a foreign listener uses stays."""
    found = list(aws.pages("elbv2", "describe_target_groups", "TargetGroups"))
    ours = [each["TargetGroupArn"] for each in found if target.may_have(each.get("VpcId"))]
    tags = complete(aws, tags_by_arn(aws, "targetgroup"), ours)
    for each in found:
        arn, vpc = each["TargetGroupArn"], each.get("VpcId", "")
        own = tags.get(arn, {})
        yield Leftover(TARGET_GROUP, arn, claim.claim(own, target, vpc), each["TargetGroupName"], own, vpc_id=vpc)


def _elb(*actions: str) -> tuple[str, ...]:
    return tuple(f"{SERVICE}:{action}" for action in actions)


_BALANCERS = (f"{SERVICE}:@region@:@account_id@:loadbalancer/*",)
_TARGET_GROUPS = (f"{SERVICE}:@region@:@account_id@:targetgroup/*",)
_SCOPES = (Scope.CONTROLLER, Scope.OWNED)

BALANCER = Kind(
    "load balancer",
    balancers,
    reads(*_elb("DescribeLoadBalancers", "DescribeTags"), "tag:GetResources"),
    delete_balancer,
    (Permission(_elb("DeleteLoadBalancer", "ModifyLoadBalancerAttributes"), _BALANCERS, _SCOPES),),
    command="aws elbv2 delete-load-balancer --load-balancer-arn {id}",
    blocks_vpc=True,
)
CLASSIC = Kind(
    "classic load balancer",
    classic,
    reads(*_elb("DescribeLoadBalancers", "DescribeTags")),
    lambda aws, each: aws.client("elb").delete_load_balancer(LoadBalancerName=each.id),
    (Permission(_elb("DeleteLoadBalancer"), _BALANCERS, _SCOPES),),
    command="aws elb delete-load-balancer --load-balancer-name {id}",
    blocks_vpc=True,
)
TARGET_GROUP = Kind(
    "target group",
    target_groups,
    reads(*_elb("DescribeTargetGroups", "DescribeTags"), "tag:GetResources"),
    lambda aws, each: aws.client("elbv2").delete_target_group(TargetGroupArn=each.id),
    (Permission(_elb("DeleteTargetGroup"), _TARGET_GROUPS, _SCOPES),),
    command="aws elbv2 delete-target-group --target-group-arn {id}",
)

KINDS = (BALANCER, CLASSIC, TARGET_GROUP)
