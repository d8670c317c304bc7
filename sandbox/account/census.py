"""A census: all that exists in an account and region, by kind, in every service that the platform touches.

Two are equal when nothing was left and nothing was lost between them. A deep one has what AWS says of each thing, tags
and rules included: two are equal when nothing was changed either. Any error ends it: unknown is not none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import jmespath

from sandbox.account.clients import own_client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
    "snapshot": Kind("ec2", "describe_snapshots", "Snapshots[].SnapshotId", {"OwnerIds": ["self"]}),
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


Detail = Callable[[Any, str], Any]
"""More of a thing than its listing says, from its service and its id; a child's id has its parent's before it."""


def _asked(operation: str, member: str, name: Callable[[str], str] = str) -> Detail:
    """An operation that takes the id, or a name made of it, as `member`."""
    return lambda service, key: getattr(service, operation)(**{member: name(key)})


def _tail(arn: str) -> str:
    return arn.rpartition("/")[2]


def _of_cluster(operation: str, member: str) -> Detail:
    """An operation on what belongs to an EKS cluster."""

    def ask(eks: Any, key: str) -> Any:
        cluster, _, child = key.partition("/")
        return getattr(eks, operation)(**{"clusterName": cluster, member: child})

    return ask


DETAILS: dict[str, tuple[Detail, ...]] = {
    "launch template": (_asked("describe_launch_template_versions", "LaunchTemplateId"),),
    "IAM role": (
        _asked("list_role_tags", "RoleName", _tail),
        _asked("list_role_policies", "RoleName", _tail),
        _asked("list_attached_role_policies", "RoleName", _tail),
    ),
    "IAM policy": (_asked("list_policy_tags", "PolicyArn"),),
    "instance profile": (_asked("list_instance_profile_tags", "InstanceProfileName", _tail),),
    "OIDC provider": (_asked("get_open_id_connect_provider", "OpenIDConnectProviderArn"),),
    "EKS cluster": (_asked("describe_cluster", "name"),),
    "EKS node group": (_of_cluster("describe_nodegroup", "nodegroupName"),),
    "EKS add-on": (_of_cluster("describe_addon", "addonName"),),
    "EKS access entry": (_of_cluster("describe_access_entry", "principalArn"),),
    "EKS pod identity association": (_of_cluster("describe_pod_identity_association", "associationId"),),
    "load balancer": (
        lambda elb, key: elb.describe_tags(ResourceArns=[key]),
        _asked("describe_listeners", "LoadBalancerArn"),
        _asked("describe_load_balancer_attributes", "LoadBalancerArn"),
    ),
    "classic load balancer": (lambda elb, key: elb.describe_tags(LoadBalancerNames=[key]),),
    "target group": (lambda elb, key: elb.describe_tags(ResourceArns=[key]),),
    "ECR repository": (_asked("list_tags_for_resource", "resourceArn"),),
    "log group": (_asked("list_tags_log_group", "logGroupName"),),
}
"""What a listing leaves out, by kind."""

VOLATILE = frozenset({"ResponseMetadata", "NextToken", "Marker", "IsTruncated"})
"""What a reply says of itself."""


def take(endpoint: str, region: str) -> dict[str, tuple[str, ...]]:
    """The ids of all that exists at `endpoint` in `region`, by kind, sorted; ClientError when a call fails."""
    return {kind: tuple(sorted(things)) for kind, things in _things(endpoint, region).items()}


def take_deep(endpoint: str, region: str) -> dict[str, dict[str, str]]:
    """Id → what AWS says of the thing, by kind, of all that exists at `endpoint` in `region`.

    What AWS says is JSON in which lists are sorted, so that two replies with the same members are equal.

    Raises:
        ClientError: a call fails.
    """
    found: dict[str, dict[str, str]] = {}
    for name, things in _things(endpoint, region).items():
        service = own_client(KINDS[name].service, endpoint=endpoint, region=region)
        found[name] = {
            key: json.dumps(_plain([thing, *(ask(service, key) for ask in DETAILS.get(name, ()))]), indent=1)
            for key, thing in things.items()
        }
    return found


def _plain(value: Any) -> Any:
    """A reply without what changes from one to the next; times as text."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {key: _plain(members[key]) for key in sorted(members) if key not in VOLATILE}
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        return sorted(map(_plain, items), key=lambda each: json.dumps(each, default=str))
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _things(endpoint: str, region: str) -> dict[str, dict[str, Any]]:
    """Kind → id → what its listing says."""
    found: dict[str, dict[str, Any]] = {}
    account_id = own_client("sts", endpoint=endpoint, region=region).get_caller_identity()["Account"]
    for name, kind in KINDS.items():
        service = own_client(kind.service, endpoint=endpoint, region=region)
        of_account = {kind.account: account_id} if kind.account else {}
        parents = found[kind.parent] if kind.parent else ()
        found[name] = dict(_each(service, kind, kind.parameters | of_account, parents))
    return found


def _each(service: Any, kind: Kind, parameters: dict[str, Any], parents: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Ids of one kind with what the listing says; a child's id carries its parent's before it."""
    if kind.parent is None:
        yield from ((key, thing) for key, thing in _listed(service, kind, parameters) if kind.counts(service, key))
        return
    for parent in parents:
        if kind.asks(service, parent):
            for key, thing in _listed(service, kind, parameters | {"clusterName": parent}):
                yield f"{parent}/{key}", thing


def _listed(service: Any, kind: Kind, parameters: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the operation lists, page by page: id and thing. Where it lists ids alone, they are the things."""
    if service.can_paginate(kind.operation):
        pages = service.get_paginator(kind.operation).paginate(**parameters)
    else:
        pages = [getattr(service, kind.operation)(**parameters)]
    things, _, member = kind.ids.rpartition(".")
    for page in pages:
        listed: list[Any] = jmespath.search(things or member, page) or []
        for thing in listed:
            yield (thing[member] if things else thing), thing
