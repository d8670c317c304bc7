"""What the stack itself makes: `pulumi destroy` takes it away, and verify looks whether it has.

Source of the calls: EKS, EC2 and IAM API references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.contract import names, prices
from teardown import claim
from teardown.aws import said
from teardown.claim import Claim
from teardown.kinds.base import Kind, Leftover, tags_of
from teardown.kinds.network import of_stack
from teardown.permissions import Permission, reads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teardown.aws import Aws
    from teardown.target import Target


def clusters(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The cluster of the exact name."""
    eks = aws.client("eks")
    with said("eks", "describe_cluster"):
        try:
            found = eks.describe_cluster(name=target.cluster)["cluster"]
        except eks.exceptions.ResourceNotFoundException:
            return
    cost = prices.EKS_CLUSTER_HOUR * prices.HOURS_A_MONTH
    tags, created = found.get("tags", {}), found.get("createdAt")
    yield Leftover("EKS cluster", target.cluster, Claim.OURS, found["status"], tags, created, cost)


def vpcs(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The VPC, by its id and by the stack's tags."""
    filters = [{"Name": f"tag:{claim.STACK}", "Values": [target.cluster]}]
    found = list(aws.pages("ec2", "describe_vpcs", "Vpcs", Filters=filters))
    if target.vpc_id and target.vpc_id not in [vpc["VpcId"] for vpc in found]:
        by_id = [{"Name": "vpc-id", "Values": [target.vpc_id]}]
        found += aws.pages("ec2", "describe_vpcs", "Vpcs", Filters=by_id)
    for vpc in found:
        tags = tags_of(vpc)
        whose = Claim.OURS if vpc["VpcId"] == target.vpc_id else of_stack(tags, target)
        yield Leftover("VPC", vpc["VpcId"], whose, tags.get("Name", ""), tags)


def nat_gateways(aws: Aws, target: Target) -> Iterator[Leftover]:
    """NAT gateways that are not deleted."""
    filters = [{"Name": f"tag:{claim.STACK}", "Values": [target.cluster]}]
    cost = prices.NAT_GATEWAY_HOUR * prices.HOURS_A_MONTH
    for gateway in aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=filters):
        if gateway["State"] != "deleted":
            tags = tags_of(gateway)
            created = gateway.get("CreateTime")
            yield Leftover("NAT gateway", gateway["NatGatewayId"], of_stack(tags, target), "", tags, created, cost)


def roles(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The roles under the stack's path."""
    for role in aws.pages("iam", "list_roles", "Roles", PathPrefix=names.iam_path(target.cluster)):
        yield Leftover("IAM role", role["RoleName"], Claim.OURS, role["Arn"], created=role.get("CreateDate"))


def providers(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The identity provider of the cluster's tokens, by the stack's tags."""
    found = aws.pages("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList")
    for arn in (each["Arn"] for each in found if ":oidc-provider/oidc.eks." in each["Arn"]):
        tags = {tag["Key"]: tag["Value"] for tag in _provider_tags(aws, arn)}
        yield Leftover("OIDC provider", arn, of_stack(tags, target), "", tags)


def _provider_tags(aws: Aws, arn: str) -> Iterator[dict[str, str]]:
    yield from aws.pages("iam", "list_open_id_connect_provider_tags", "Tags", OpenIDConnectProviderArn=arn)


KINDS = (
    Kind(
        "EKS cluster",
        clusters,
        (Permission(("eks:DescribeCluster",), ("eks:@region@:@account_id@:cluster/*",)),),
        command="aws eks delete-cluster --name {id}",
    ),
    Kind(
        "VPC",
        vpcs,
        reads("ec2:DescribeVpcs"),
        after=("EKS cluster", "NAT gateway", "network interface", "security group", "target group"),
        command="aws ec2 delete-vpc --vpc-id {id}",
    ),
    Kind(
        "NAT gateway",
        nat_gateways,
        reads("ec2:DescribeNatGateways"),
        command="aws ec2 delete-nat-gateway --nat-gateway-id {id}",
    ),
    Kind(
        "IAM role",
        roles,
        reads("iam:ListRoles"),
        after=("EKS cluster", "instance"),
        command="aws iam delete-role --role-name {id}",
    ),
    Kind(
        "OIDC provider",
        providers,
        (
            *reads("iam:ListOpenIDConnectProviders"),
            Permission(("iam:ListOpenIDConnectProviderTags",), ("iam::@account_id@:oidc-provider/oidc.eks.*",)),
        ),
        command="aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {id}",
    ),
)
