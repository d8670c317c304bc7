"""The rows of VPCs: subnets, gateways, routes and endpoints."""

from __future__ import annotations

import zlib
from typing import Any

from .ec2 import described, filters, tagged
from .errors import AwsError, ProviderError
from .property_checks import cidr
from .row import Key, Property, Resource, Response, Row, Status, Step, assigned
from .same import as_json, as_set
from .values import as_list


def _read_vpc(r: Resource) -> Response | None:
    vpc = described("DescribeVpcs", "Vpcs", "VpcIds", "vpc")(r)
    if vpc is None:
        return None
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        vpc |= r.call("DescribeVpcAttribute", VpcId=r.id, Attribute=attribute)
    main = r.call("DescribeRouteTables", Filters=filters(vpc_id=r.id, association__main="true"))["RouteTables"]
    groups = r.call("DescribeSecurityGroups", Filters=filters(vpc_id=r.id, group_name="default"))["SecurityGroups"]
    acls = r.call("DescribeNetworkAcls", Filters=filters(vpc_id=r.id, default="true"))["NetworkAcls"]
    table = main[0]["RouteTableId"] if main else None
    return vpc | {
        "MainRouteTableId": table,
        "DefaultRouteTableId": table,
        "DefaultSecurityGroupId": groups[0]["GroupId"] if groups else None,
        "DefaultNetworkAclId": acls[0]["NetworkAclId"] if acls else None,
    }


VPC = Row(
    type="aws:ec2/vpc:Vpc",
    service="ec2",
    cloudformation="AWS::EC2::VPC",
    key=assigned("Vpc.VpcId", "VpcId"),
    properties={
        # Source of the bounds: Amazon VPC user guide, "VPC CIDR blocks".
        "cidrBlock": Property(required=True, replaces=True, check=cidr(16, 28)),
        "enableDnsSupport": Property(member="EnableDnsSupport.Value", local=True, default=True),
        "enableDnsHostnames": Property(member="EnableDnsHostnames.Value", local=True, default=False),
    },
    outputs={
        "arn": Property(),
        "ownerId": Property(),
        "dhcpOptionsId": Property(),
        "mainRouteTableId": Property(),
        "defaultRouteTableId": Property(),
        "defaultSecurityGroupId": Property(),
        "defaultNetworkAclId": Property(),
    },
    create="CreateVpc",
    read=_read_vpc,
    steps=(
        Step(("enableDnsSupport",), "ModifyVpcAttribute", creates=True),
        Step(("enableDnsHostnames",), "ModifyVpcAttribute", creates=True),
    ),
    status=Status("State", ready=("available",)),
    delete="DeleteVpc",
    tags=tagged("vpc"),
)

SUBNET = Row(
    type="aws:ec2/subnet:Subnet",
    service="ec2",
    cloudformation="AWS::EC2::Subnet",
    key=assigned("Subnet.SubnetId", "SubnetId"),
    properties={
        "vpcId": Property(replaces=True),
        "cidrBlock": Property(required=True, replaces=True, check=cidr(16, 28)),
        "availabilityZone": Property(replaces=True, computed=True),
        "mapPublicIpOnLaunch": Property(local=True, default=False),
    },
    outputs={"arn": Property(member="SubnetArn"), "ownerId": Property()},
    create="CreateSubnet",
    read=described("DescribeSubnets", "Subnets", "SubnetIds"),
    steps=(
        Step(
            ("mapPublicIpOnLaunch",),
            creates=True,
            run=lambda r: r.call(
                "ModifySubnetAttribute", SubnetId=r.id, MapPublicIpOnLaunch={"Value": r["mapPublicIpOnLaunch"]}
            ),
        ),
    ),
    status=Status("State", ready=("available",)),
    delete="DeleteSubnet",
    tags=tagged("subnet"),
)


def _read_internet_gateway(r: Resource) -> Response | None:
    gateway = described("DescribeInternetGateways", "InternetGateways", "InternetGatewayIds", "internet-gateway")(r)
    return gateway and gateway | {"VpcId": next((each["VpcId"] for each in gateway["Attachments"]), None)}


def _attach_internet_gateway(r: Resource) -> None:
    attached = (_read_internet_gateway(r) or {}).get("VpcId")
    if attached == r["vpcId"]:
        return
    if attached:
        r.call("DetachInternetGateway", InternetGatewayId=r.id, VpcId=attached)
    if r["vpcId"]:
        r.call("AttachInternetGateway", InternetGatewayId=r.id, VpcId=r["vpcId"])


def _delete_internet_gateway(r: Resource) -> None:
    attached = (_read_internet_gateway(r) or {}).get("VpcId")
    if attached:
        r.call("DetachInternetGateway", InternetGatewayId=r.id, VpcId=attached)
    r.ask("DeleteInternetGateway")


INTERNET_GATEWAY = Row(
    type="aws:ec2/internetGateway:InternetGateway",
    service="ec2",
    cloudformation="AWS::EC2::InternetGateway",
    key=assigned("InternetGateway.InternetGatewayId", "InternetGatewayId"),
    properties={"vpcId": Property(local=True)},
    outputs={"arn": Property(), "ownerId": Property()},
    create="CreateInternetGateway",
    read=_read_internet_gateway,
    steps=(Step(("vpcId",), run=_attach_internet_gateway, creates=True),),
    delete=_delete_internet_gateway,
    tags=tagged("internet-gateway"),
)


def _release_address(r: Resource) -> None:
    """As aws_eip does: an association that the state knows is ended first, and may be gone already."""
    if r["associationId"]:
        try:
            r.call("DisassociateAddress", AssociationId=r["associationId"])
        except AwsError as error:
            if error.code != "InvalidAssociationID.NotFound":
                raise
    r.ask("ReleaseAddress")


EIP = Row(
    type="aws:ec2/eip:Eip",
    service="ec2",
    cloudformation="AWS::EC2::EIP",
    key=assigned("AllocationId", "AllocationId"),
    properties={"domain": Property(replaces=True, computed=True)},
    outputs={
        "allocationId": Property(),
        "arn": Property(),
        "publicIp": Property(),
        # Empty when it is made: a refresh finds the association that the gateway has made since.
        "associationId": Property(),
    },
    create="AllocateAddress",
    read=described("DescribeAddresses", "Addresses", "AllocationIds", "elastic-ip"),
    delete=_release_address,
    tags=tagged("elastic-ip"),
    differs={"domain": "aws_eip's domain is ForceNew: an allocated address cannot change its domain"},
)


def _read_nat_gateway(r: Resource) -> Response | None:
    gateway = described("DescribeNatGateways", "NatGateways", "NatGatewayIds")(r)
    if gateway is None or gateway["State"] == "deleted":
        return None
    # The first address is the gateway's own, the others are secondary.
    addresses = as_list(gateway.get("NatGatewayAddresses"))
    return {**(addresses[0] if addresses else {}), **gateway}


NAT_GATEWAY = Row(
    type="aws:ec2/natGateway:NatGateway",
    service="ec2",
    cloudformation="AWS::EC2::NatGateway",
    key=assigned("NatGateway.NatGatewayId", "NatGatewayId"),
    properties={
        "subnetId": Property(required=True, replaces=True),
        "allocationId": Property(replaces=True),
        "connectivityType": Property(replaces=True, default="public"),
    },
    outputs={
        "associationId": Property(),
        "networkInterfaceId": Property(),
        "publicIp": Property(),
        "privateIp": Property(),
    },
    create="CreateNatGateway",
    read=_read_nat_gateway,
    status=Status(
        "State", ready=("available",), failed=("failed",), reasons=lambda found: str(found.get("FailureMessage", ""))
    ),
    delete="DeleteNatGateway",
    tags=tagged("natgateway"),
)

ROUTE_TABLE = Row(
    type="aws:ec2/routeTable:RouteTable",
    service="ec2",
    cloudformation="AWS::EC2::RouteTable",
    key=assigned("RouteTable.RouteTableId", "RouteTableId"),
    properties={"vpcId": Property(replaces=True)},
    outputs={"arn": Property(), "ownerId": Property()},
    create="CreateRouteTable",
    read=described("DescribeRouteTables", "RouteTables", "RouteTableIds", "route-table"),
    delete="DeleteRouteTable",
    tags=tagged("route-table"),
)


def _read_route(r: Resource) -> Response | None:
    table, destination = r["routeTableId"], r["destinationCidrBlock"]
    tables = r.call("DescribeRouteTables", RouteTableIds=[table])["RouteTables"]
    routes = [route for each in tables for route in each["Routes"] if route.get("DestinationCidrBlock") == destination]
    return {"RouteTableId": table, **routes[0]} if routes else None


def _route_id(values: Any) -> str:
    return f"r-{values['routeTableId']}{zlib.crc32(str(values['destinationCidrBlock']).encode())}"


def _parse_route(given: str) -> tuple[str, dict[str, Any]]:
    table, separator, destination = given.partition("_")
    if not separator:
        return given, {}
    told = {"routeTableId": table, "destinationCidrBlock": destination}
    return _route_id(told), told


ROUTE = Row(
    type="aws:ec2/route:Route",
    service="ec2",
    cloudformation="AWS::EC2::Route",
    key=Key(
        make=lambda r, _: _route_id(r.values),
        parse=_parse_route,
        properties=("routeTableId", "destinationCidrBlock"),
    ),
    properties={
        "routeTableId": Property(replaces=True),
        "destinationCidrBlock": Property(required=True, replaces=True, check=cidr(0, 32)),
        "gatewayId": Property(),
        "natGatewayId": Property(),
    },
    outputs={"origin": Property(), "state": Property()},
    create="CreateRoute",
    read=_read_route,
    steps=(Step(("gatewayId", "natGatewayId"), "ReplaceRoute"),),
    delete="DeleteRoute",
)


def _read_association(r: Resource) -> Response | None:
    """By subnet where it is known: another table makes another association id, but not another resource."""
    by = (
        {"association__subnet_id": r["subnetId"]}
        if r["subnetId"]
        else {"association__route_table_association_id": r.id}
    )
    tables = r.call("DescribeRouteTables", Filters=filters(**by))["RouteTables"]
    return next(
        (
            each
            for table in tables
            for each in table["Associations"]
            if r["subnetId"] == each.get("SubnetId") or r.id == each["RouteTableAssociationId"]
        ),
        None,
    )


def _parse_association(given: str) -> tuple[str, dict[str, Any]]:
    subnet, separator, table = given.partition("/")
    return (given, {"subnetId": subnet, "routeTableId": table}) if separator else (given, {})


def _replace_association(r: Resource) -> None:
    found = _read_association(r)
    if found is None:
        raise ProviderError(f"subnet {r['subnetId']} has no route table any more; run pulumi refresh")
    r.call(
        "ReplaceRouteTableAssociation",
        AssociationId=found["RouteTableAssociationId"],
        RouteTableId=r["routeTableId"],
    )


def _delete_association(r: Resource) -> None:
    found = _read_association(r)
    if found:
        r.call("DisassociateRouteTable", AssociationId=found["RouteTableAssociationId"])


ROUTE_TABLE_ASSOCIATION = Row(
    type="aws:ec2/routeTableAssociation:RouteTableAssociation",
    service="ec2",
    cloudformation="AWS::EC2::SubnetRouteTableAssociation",
    key=Key(
        make=assigned("AssociationId", "AssociationId").make,
        parse=_parse_association,
        imported=lambda found: str(found["RouteTableAssociationId"]),
        member="AssociationId",
    ),
    properties={"subnetId": Property(required=True, replaces=True), "routeTableId": Property()},
    create="AssociateRouteTable",
    read=_read_association,
    steps=(Step(("routeTableId",), run=_replace_association),),
    delete=_delete_association,
    differs={"routeTableId": "aws_route_table_association replaces the association in place"},
)


def _modify_endpoint(r: Resource) -> None:
    old, new = set(as_list(r.old.get("routeTableIds"))), set(as_list(r["routeTableIds"]))
    changed = {"AddRouteTableIds": sorted(new - old), "RemoveRouteTableIds": sorted(old - new)}
    r.call("ModifyVpcEndpoint", VpcEndpointId=r.id, **{name: ids for name, ids in changed.items() if ids})


def _delete_endpoint(r: Resource) -> None:
    for refused in r.call("DeleteVpcEndpoints", VpcEndpointIds=[r.id]).get("Unsuccessful", []):
        raise AwsError("DeleteVpcEndpoints", refused["Error"]["Code"], refused["Error"]["Message"])


def _read_endpoint(r: Resource) -> Response | None:
    endpoint = described("DescribeVpcEndpoints", "VpcEndpoints", "VpcEndpointIds", "vpc-endpoint")(r)
    return None if endpoint is None or endpoint["State"].lower() == "deleted" else endpoint


VPC_ENDPOINT = Row(
    type="aws:ec2/vpcEndpoint:VpcEndpoint",
    service="ec2",
    cloudformation="AWS::EC2::VPCEndpoint",
    key=assigned("VpcEndpoint.VpcEndpointId", "VpcEndpointId"),
    properties={
        "vpcId": Property(replaces=True),
        "serviceName": Property(required=True, replaces=True),
        "vpcEndpointType": Property(replaces=True, default="Gateway"),
        "routeTableIds": Property(same=as_set, computed=True),
    },
    outputs={
        "arn": Property(),
        "ownerId": Property(),
        "state": Property(),
        "policy": Property(member="PolicyDocument", same=as_json),
    },
    create="CreateVpcEndpoint",
    read=_read_endpoint,
    steps=(Step(("routeTableIds",), run=_modify_endpoint),),
    status=Status("State", ready=("available", "Available"), failed=("failed", "Failed", "rejected", "Rejected")),
    delete=_delete_endpoint,
    tags=tagged("vpc-endpoint"),
)

ROWS = (
    VPC,
    SUBNET,
    INTERNET_GATEWAY,
    EIP,
    NAT_GATEWAY,
    ROUTE_TABLE,
    ROUTE,
    ROUTE_TABLE_ASSOCIATION,
    VPC_ENDPOINT,
)
