"""A census: all that exists in an account and region, by kind, in every service that the platform touches.

Two are equal when nothing was left and nothing was lost between them. Any error ends it: unknown is not none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jmespath

from sandbox.account.clients import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _any(_client: Any, _id: str) -> bool:
    return True


@dataclass(frozen=True)
class Kind:
    """How one kind is listed: the service's operation, and a JMESPath expression for the ids in each page."""

    service: str
    operation: str
    ids: str
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    parent: str | None = None
    """Listed once for each id of this kind, which the operation takes as `clusterName`."""

    account: str = ""
    """The member that the operation takes the account's id by."""

    asks: Callable[[Any, str], bool] = _any
    """Whether a parent can be asked."""

    counts: Callable[[Any, str], bool] = _any
    """Whether an id counts, where the listing does not tell."""


def _is_kept_by_customer(kms: Any, key: str) -> bool:
    """Whether a KMS key is the customer's, and not on its way out."""
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    return metadata["KeyManager"] == "CUSTOMER" and metadata["KeyState"] != "PendingDeletion"


def _authenticates_through_api(eks: Any, cluster: str) -> bool:
    """Whether a cluster can have access entries; EKS refuses to list those of any other."""
    mode = eks.describe_cluster(name=cluster)["cluster"]["accessConfig"]["authenticationMode"]
    return mode != "CONFIG_MAP"


KINDS: dict[str, Kind] = {
    "VPC": Kind("ec2", "describe_vpcs", "Vpcs[].VpcId"),
    "subnet": Kind("ec2", "describe_subnets", "Subnets[].SubnetId"),
    "internet gateway": Kind("ec2", "describe_internet_gateways", "InternetGateways[].InternetGatewayId"),
    "NAT gateway": Kind("ec2", "describe_nat_gateways", "NatGateways[?State != 'deleted'].NatGatewayId"),
    "address": Kind("ec2", "describe_addresses", "Addresses[].AllocationId"),
    "route table": Kind("ec2", "describe_route_tables", "RouteTables[].RouteTableId"),
    "security group": Kind("ec2", "describe_security_groups", "SecurityGroups[].GroupId"),
    "network interface": Kind("ec2", "describe_network_interfaces", "NetworkInterfaces[].NetworkInterfaceId"),
    "instance": Kind(
        "ec2", "describe_instances", "Reservations[].Instances[] | [?State.Name != 'terminated'].InstanceId"
    ),
    "volume": Kind("ec2", "describe_volumes", "Volumes[].VolumeId"),
    "launch template": Kind("ec2", "describe_launch_templates", "LaunchTemplates[].LaunchTemplateId"),
    "VPC endpoint": Kind("ec2", "describe_vpc_endpoints", "VpcEndpoints[?State != 'deleted'].VpcEndpointId"),
    "IAM role": Kind("iam", "list_roles", "Roles[].Arn"),
    "IAM policy": Kind("iam", "list_policies", "Policies[].Arn", {"Scope": "Local"}),
    "instance profile": Kind("iam", "list_instance_profiles", "InstanceProfiles[].Arn"),
    "OIDC provider": Kind("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList[].Arn"),
    "EKS cluster": Kind("eks", "list_clusters", "clusters[]"),
    "EKS node group": Kind("eks", "list_nodegroups", "nodegroups[]", parent="EKS cluster"),
    "EKS add-on": Kind("eks", "list_addons", "addons[]", parent="EKS cluster"),
    "EKS access entry": Kind(
        "eks", "list_access_entries", "accessEntries[]", parent="EKS cluster", asks=_authenticates_through_api
    ),
    "EKS pod identity association": Kind(
        "eks", "list_pod_identity_associations", "associations[].associationId", parent="EKS cluster"
    ),
    "Auto Scaling group": Kind(
        "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups[].AutoScalingGroupName"
    ),
    "load balancer": Kind("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerArn"),
    "classic load balancer": Kind("elb", "describe_load_balancers", "LoadBalancerDescriptions[].LoadBalancerName"),
    "target group": Kind("elbv2", "describe_target_groups", "TargetGroups[].TargetGroupArn"),
    "ECR repository": Kind("ecr", "describe_repositories", "repositories[].repositoryArn"),
    "log group": Kind("logs", "describe_log_groups", "logGroups[].logGroupName"),
    "SSM parameter": Kind("ssm", "describe_parameters", "Parameters[].Name"),
    "S3 bucket": Kind("s3", "list_buckets", "Buckets[].Name"),
    "KMS key": Kind("kms", "list_keys", "Keys[].KeyId", counts=_is_kept_by_customer),
    "KMS alias": Kind("kms", "list_aliases", "Aliases[?!starts_with(AliasName, 'alias/aws/')].AliasName"),
    "budget": Kind("budgets", "describe_budgets", "Budgets[].BudgetName", account="AccountId"),
}
"""In an order in which a parent comes before its children."""


def take(endpoint: str, region: str) -> dict[str, tuple[str, ...]]:
    """The ids of all that exists at `endpoint` in `region`, by kind, sorted; ClientError when a call fails."""
    found: dict[str, tuple[str, ...]] = {}
    account_id = client("sts", endpoint=endpoint, region=region).get_caller_identity()["Account"]
    for name, kind in KINDS.items():
        service = client(kind.service, endpoint=endpoint, region=region)
        of_account = {kind.account: account_id} if kind.account else {}
        found[name] = tuple(sorted(_ids(service, kind, kind.parameters | of_account, found)))
    return found


def _ids(service: Any, kind: Kind, parameters: dict[str, Any], found: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """The ids of one kind; a child's carry its parent's before them."""
    if kind.parent is None:
        yield from (key for key in _listed(service, kind, parameters) if kind.counts(service, key))
        return
    for parent in found[kind.parent]:
        if kind.asks(service, parent):
            yield from (f"{parent}/{key}" for key in _listed(service, kind, parameters | {"clusterName": parent}))


def _listed(service: Any, kind: Kind, parameters: dict[str, Any]) -> Iterator[str]:
    """What the operation lists, page by page."""
    if service.can_paginate(kind.operation):
        pages = service.get_paginator(kind.operation).paginate(**parameters)
    else:
        pages = [getattr(service, kind.operation)(**parameters)]
    for page in pages:
        yield from jmespath.search(kind.ids, page) or []
