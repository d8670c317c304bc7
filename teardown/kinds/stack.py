"""What the stack itself makes: `pulumi destroy` takes it away, and verify looks whether it has.

The sweep deletes it only while recovering from a state that has lost it, and only with the stack's own tags, under its
IAM path, or as part of its cluster.

Source of the calls: EKS and EC2 API references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.aws import code_of, said
from infra.contract import prices
from infra.contract.sweep_policies import Permission, reads
from teardown import claim
from teardown.claim import Claim
from teardown.kinds.base import Kind, Leftover, found, tags_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from common.aws import Aws
    from teardown.target import Target

MISSING = "ResourceNotFoundException"
UNTAGGED = "it does not carry the stack's tags"


def clusters(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The cluster of the exact name, which is its own in the account and region."""
    cluster = _cluster(aws, target.cluster)
    if cluster is None:
        return
    tags, vpc = cluster.get("tags", {}), cluster.get("resourcesVpcConfig", {}).get("vpcId", "")
    is_own = claim.of_stack(tags, target) is Claim.STACK
    yield Leftover(
        CLUSTER,
        target.cluster,
        Claim.STACK if is_own else Claim.OURS,
        cluster["status"],
        tags,
        cluster.get("createdAt"),
        prices.EKS_CLUSTER_HOUR * prices.HOURS_A_MONTH,
        "" if is_own else UNTAGGED,
        vpc_id=vpc,
    )


def _cluster(aws: Aws, name: str) -> Any:
    eks = aws.client("eks")
    with said("eks", "describe_cluster"):
        try:
            return eks.describe_cluster(name=name)["cluster"]
        except eks.exceptions.ResourceNotFoundException:
            return None


def node_groups(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Those of the cluster. Add-ons, access entries and associations need no deletion: they go with it."""
    eks = aws.client("eks")
    with said("eks", "list_nodegroups"):
        try:
            names = [
                name
                for page in eks.get_paginator("list_nodegroups").paginate(clusterName=target.cluster)
                for name in page["nodegroups"]
            ]
        except eks.exceptions.ResourceNotFoundException:
            return
    for name in names:
        with said("eks", "describe_nodegroup"):
            try:
                group = eks.describe_nodegroup(clusterName=target.cluster, nodegroupName=name)["nodegroup"]
            except eks.exceptions.ResourceNotFoundException:
                continue
        tags = group.get("tags", {})
        is_own = claim.of_stack(tags, target) is Claim.STACK
        yield Leftover(
            NODES,
            f"{target.cluster}:{name}",
            Claim.STACK if is_own else Claim.OURS,
            group["status"],
            tags,
            group.get("createdAt"),
            held="" if is_own else UNTAGGED,
        )


def delete_cluster(aws: Aws, leftover: Leftover) -> None:
    """Without the protection that the stack may have given it."""
    eks = aws.client("eks")
    try:
        eks.delete_cluster(name=leftover.id)
    except eks.exceptions.InvalidRequestException as error:
        if "protection" not in str(error):
            raise
        eks.update_cluster_config(name=leftover.id, deletionProtection=False)
        eks.delete_cluster(name=leftover.id)


def _is_cluster_gone(aws: Aws, leftover: Leftover) -> bool:
    return _answers_missing(lambda: aws.client("eks").describe_cluster(name=leftover.id), MISSING)


def delete_node_group(aws: Aws, leftover: Leftover) -> None:
    """Its instances, Auto Scaling group and launch template go with it."""
    cluster, _, name = leftover.id.partition(":")
    aws.client("eks").delete_nodegroup(clusterName=cluster, nodegroupName=name)


def _is_node_group_gone(aws: Aws, leftover: Leftover) -> bool:
    cluster, _, name = leftover.id.partition(":")
    eks = aws.client("eks")
    return _answers_missing(lambda: eks.describe_nodegroup(clusterName=cluster, nodegroupName=name), MISSING)


def _answers_missing(call: Callable[[], object], code: str) -> bool:
    try:
        call()
    except ClientError as error:
        if code_of(error) != code:
            raise
        return True
    return False


def vpcs(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The VPC, by its id and by the stack's tags."""
    things = {vpc["VpcId"]: vpc for vpc in aws.pages("ec2", "describe_vpcs", "Vpcs", Filters=_by_tag(target))}
    if target.vpc_id and target.vpc_id not in things:
        by_id = [{"Name": "vpc-id", "Values": [target.vpc_id]}]
        things |= {vpc["VpcId"]: vpc for vpc in aws.pages("ec2", "describe_vpcs", "Vpcs", Filters=by_id)}
    for key, vpc in things.items():
        tags = tags_of(vpc)
        # Only the stack's VPCs carry its tags: a second one is another rebuild's, and a person's to look at.
        whose = Claim.NOBODYS if claim.of_stack(tags, target) is Claim.NOBODYS else Claim.UNPLACED
        whose = claim.of_stack(tags, target, key) if target.has(key) else whose
        if target.has(key) and whose is not Claim.STACK:
            yield Leftover(VPC, key, Claim.OURS, tags.get("Name", ""), tags, held=UNTAGGED, vpc_id=key)
        elif whose is not Claim.NOBODYS:
            yield Leftover(VPC, key, whose, tags.get("Name", ""), tags, vpc_id=key)


def nat_gateways(aws: Aws, target: Target) -> Iterator[Leftover]:
    """NAT gateways that are not deleted: the stack's, and whose else is in the VPC."""
    things: dict[str, Any] = {}
    for filters in (_by_tag(target), *([_by_vpc(target)] if target.vpc_id else [])):
        answer = aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=filters)
        things |= {gateway["NatGatewayId"]: gateway for gateway in answer}
    for gateway in things.values():
        if gateway["State"] in ("deleted", "failed"):
            continue
        yield _leftover(
            NAT,
            gateway["NatGatewayId"],
            gateway,
            target,
            created=gateway.get("CreateTime"),
            monthly=prices.NAT_GATEWAY_HOUR * prices.HOURS_A_MONTH,
            held="AWS is deleting it" if gateway["State"] == "deleting" else "",
        )


def endpoints(aws: Aws, target: Target) -> Iterator[Leftover]:
    """VPC endpoints: the stack's gateway for S3, and whose else is in the VPC, such as GuardDuty's."""
    for endpoint in found(aws, target, "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"):
        if endpoint["State"].lower() == "deleted":
            continue
        service, kind = endpoint["ServiceName"], endpoint.get("VpcEndpointType", "Gateway")
        yield _leftover(
            ENDPOINT,
            endpoint["VpcEndpointId"],
            endpoint,
            target,
            name=service,
            created=endpoint.get("CreationTimestamp"),
            monthly=0.0 if kind == "Gateway" else None,
            held="AWS is deleting it" if endpoint["State"].lower() == "deleting" else "",
            requester=_requester(endpoint),
        )


def _requester(endpoint: Any) -> str:
    """Who asked AWS for an endpoint, where it was not somebody of this account."""
    tags = tags_of(endpoint)
    if tags.get("GuardDutyManaged") == "true":
        return "Amazon GuardDuty"
    return "a service of AWS" if endpoint.get("RequesterManaged") else ""


def subnets(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Subnets of the VPC."""
    for subnet in found(aws, target, "describe_subnets", "Subnets", "SubnetId"):
        yield _leftover(SUBNET, subnet["SubnetId"], subnet, target, name=subnet["CidrBlock"])


def route_tables(aws: Aws, target: Target) -> Iterator[Leftover]:
    """All but the main one, which goes with the VPC. Associations go with their subnets."""
    for table in found(aws, target, "describe_route_tables", "RouteTables", "RouteTableId"):
        if not any(association.get("Main") for association in table.get("Associations", ())):
            yield _leftover(TABLE, table["RouteTableId"], table, target)


def gateways(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Internet gateways: attached to the VPC, or to none as yet."""
    things: dict[str, Any] = {}
    attached = [{"Name": "attachment.vpc-id", "Values": [target.vpc_id]}]
    for filters in (_by_tag(target), *([attached] if target.vpc_id else [])):
        answer = aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=filters)
        things |= {gateway["InternetGatewayId"]: gateway for gateway in answer}
    for gateway in things.values():
        vpc = next((each["VpcId"] for each in gateway.get("Attachments", ())), None)
        tags = tags_of(gateway)
        whose = claim.of_stack(tags, target, vpc)
        yield Leftover(GATEWAY, gateway["InternetGatewayId"], whose, tags=tags, vpc_id=vpc or "")


def delete_gateway(aws: Aws, leftover: Leftover) -> None:
    """Detach it from its VPC first. Raises ClientError."""
    ec2 = aws.client("ec2")
    if leftover.vpc_id:
        ec2.detach_internet_gateway(InternetGatewayId=leftover.id, VpcId=leftover.vpc_id)
    ec2.delete_internet_gateway(InternetGatewayId=leftover.id)


def network_acls(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Network ACLs but the default one: the stack makes none, so they are somebody's, and hold the VPC."""
    for acl in found(aws, target, "describe_network_acls", "NetworkAcls", "NetworkAclId"):
        if not acl.get("IsDefault"):
            yield _leftover(ACL, acl["NetworkAclId"], acl, target)


def _leftover(kind: Kind, key: str, thing: Any, target: Target, **more: Any) -> Leftover:
    tags, vpc = tags_of(thing), thing.get("VpcId", "")
    more.setdefault("name", tags.get("Name", ""))
    return Leftover(kind, key, claim.of_stack(tags, target, vpc), tags=tags, vpc_id=vpc, **more)


def _by_tag(target: Target) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{claim.STACK}", "Values": [target.cluster]}]


def _by_vpc(target: Target) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [target.vpc_id]}]


def _is_nat_gone(aws: Aws, leftover: Leftover) -> bool:
    answer = aws.client("ec2").describe_nat_gateways(NatGatewayIds=[leftover.id])["NatGateways"]
    return all(gateway["State"] in ("deleted", "failed") for gateway in answer)


def _is_endpoint_gone(aws: Aws, leftover: Leftover) -> bool:
    filters = [{"Name": "vpc-endpoint-id", "Values": [leftover.id]}]
    answer = aws.client("ec2").describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
    return all(endpoint["State"].lower() == "deleted" for endpoint in answer)


def delete_endpoint(aws: Aws, leftover: Leftover) -> None:
    """Raises ClientError: AWS refuses, which it says in an answer of status 200."""
    answer = aws.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[leftover.id])
    for refused in answer.get("Unsuccessful", ()):
        raise ClientError({"Error": refused["Error"]}, "DeleteVpcEndpoints")


def _ec2(operation: str, parameter: str) -> Callable[[Aws, Leftover], None]:
    """A deletion of EC2 that takes an id."""

    def delete(aws: Aws, leftover: Leftover) -> None:
        getattr(aws.client("ec2"), operation)(**{parameter: leftover.id})

    return delete


NODES = Kind(
    "node group",
    node_groups,
    (
        Permission(("eks:ListNodegroups",), ("eks:@region@:@account_id@:cluster/*",)),
        Permission(("eks:DescribeNodegroup",), ("eks:@region@:@account_id@:nodegroup/*",)),
    ),
    delete_node_group,
    command="aws eks delete-nodegroup --cluster-name {parent} --nodegroup-name {child}",
    is_gone=_is_node_group_gone,
)
CLUSTER = Kind(
    "EKS cluster",
    clusters,
    (Permission(("eks:DescribeCluster",), ("eks:@region@:@account_id@:cluster/*",)),),
    delete_cluster,
    command="aws eks delete-cluster --name {id}",
    is_gone=_is_cluster_gone,
)
NAT = Kind(
    "NAT gateway",
    nat_gateways,
    reads("ec2:DescribeNatGateways"),
    _ec2("delete_nat_gateway", "NatGatewayId"),
    command="aws ec2 delete-nat-gateway --nat-gateway-id {id}",
    blocks_vpc=True,
    is_gone=_is_nat_gone,
)
ENDPOINT = Kind(
    "VPC endpoint",
    endpoints,
    reads("ec2:DescribeVpcEndpoints"),
    delete_endpoint,
    command="aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {id}",
    blocks_vpc=True,
    is_gone=_is_endpoint_gone,
)
GATEWAY = Kind(
    "internet gateway",
    gateways,
    reads("ec2:DescribeInternetGateways"),
    delete_gateway,
    command="aws ec2 delete-internet-gateway --internet-gateway-id {id}",
    blocks_vpc=True,
)
SUBNET = Kind(
    "subnet",
    subnets,
    reads("ec2:DescribeSubnets"),
    _ec2("delete_subnet", "SubnetId"),
    command="aws ec2 delete-subnet --subnet-id {id}",
    blocks_vpc=True,
)
TABLE = Kind(
    "route table",
    route_tables,
    reads("ec2:DescribeRouteTables"),
    _ec2("delete_route_table", "RouteTableId"),
    command="aws ec2 delete-route-table --route-table-id {id}",
    blocks_vpc=True,
)
ACL = Kind(
    "network ACL",
    network_acls,
    reads("ec2:DescribeNetworkAcls"),
    command="aws ec2 delete-network-acl --network-acl-id {id}",
    blocks_vpc=True,
)
VPC = Kind(
    "VPC",
    vpcs,
    reads("ec2:DescribeVpcs"),
    _ec2("delete_vpc", "VpcId"),
    command="aws ec2 delete-vpc --vpc-id {id}",
)

KINDS = (NODES, CLUSTER, NAT, ENDPOINT, GATEWAY, SUBNET, TABLE, ACL, VPC)
