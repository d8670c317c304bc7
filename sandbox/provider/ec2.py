"""The rows of EC2 and VPC."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from .checks import boolean, cidr
from .errors import AwsError, ProviderError
from .names import AutoName
from .row import Key, Property, Resource, Response, Row, Status, Step, Tagging, assigned, tag_list, tag_map
from .same import as_json, as_set
from .shape import Located
from .values import as_list

if TYPE_CHECKING:
    from collections.abc import Callable


def _tagged(kind: str) -> Tagging:
    return Tagging(
        create=lambda tags: {
            "TagSpecifications": [{"ResourceType": kind, "Tags": Located("tags", tag_list(tags), whole=True)}]
        },
        tag=lambda r, tags: r.call("CreateTags", Resources=[r.id], Tags=tag_list(tags)),
        untag=lambda r, keys: r.call("DeleteTags", Resources=[r.id], Tags=[{"Key": key} for key in keys]),
    )


def _described(operation: str, listed: str, ids: str, arn: str = "") -> Callable[[Resource], Response | None]:
    """Describe by id: what the operation lists, with an ARN where EC2 tells none."""

    def read(r: Resource) -> Response | None:
        found: list[Response] = r.call(operation, **{ids: [r.id]})[listed]
        if not found:
            return None
        return {**({"Arn": r.arn(arn)} if arn else {}), **found[0]}

    return read


def _filters(**by: str) -> list[dict[str, Any]]:
    return [{"Name": name.replace("_", "-").replace("--", "."), "Values": [value]} for name, value in by.items()]


def _read_vpc(r: Resource) -> Response | None:
    vpc = _described("DescribeVpcs", "Vpcs", "VpcIds", "vpc")(r)
    if vpc is None:
        return None
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        vpc |= r.call("DescribeVpcAttribute", VpcId=r.id, Attribute=attribute)
    main = r.call("DescribeRouteTables", Filters=_filters(vpc_id=r.id, association__main="true"))["RouteTables"]
    groups = r.call("DescribeSecurityGroups", Filters=_filters(vpc_id=r.id, group_name="default"))["SecurityGroups"]
    acls = r.call("DescribeNetworkAcls", Filters=_filters(vpc_id=r.id, default="true"))["NetworkAcls"]
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
    tags=_tagged("vpc"),
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
    read=_described("DescribeSubnets", "Subnets", "SubnetIds"),
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
    tags=_tagged("subnet"),
)


def _read_internet_gateway(r: Resource) -> Response | None:
    gateway = _described("DescribeInternetGateways", "InternetGateways", "InternetGatewayIds", "internet-gateway")(r)
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
    tags=_tagged("internet-gateway"),
)

EIP = Row(
    type="aws:ec2/eip:Eip",
    service="ec2",
    cloudformation="AWS::EC2::EIP",
    key=assigned("AllocationId", "AllocationId"),
    properties={"domain": Property(replaces=True, computed=True)},
    outputs={
        "allocationId": Property(),
        "arn": Property(),
        # Not what it is associated with: the gateway that takes it comes later, and a refresh would find drift.
        "publicIp": Property(),
    },
    create="AllocateAddress",
    read=_described("DescribeAddresses", "Addresses", "AllocationIds", "elastic-ip"),
    delete="ReleaseAddress",
    tags=_tagged("elastic-ip"),
    differs={"domain": "aws_eip's domain is ForceNew: an allocated address cannot change its domain"},
)


def _read_nat_gateway(r: Resource) -> Response | None:
    gateway = _described("DescribeNatGateways", "NatGateways", "NatGatewayIds")(r)
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
    tags=_tagged("natgateway"),
)

ROUTE_TABLE = Row(
    type="aws:ec2/routeTable:RouteTable",
    service="ec2",
    cloudformation="AWS::EC2::RouteTable",
    key=assigned("RouteTable.RouteTableId", "RouteTableId"),
    properties={"vpcId": Property(replaces=True)},
    outputs={"arn": Property(), "ownerId": Property()},
    create="CreateRouteTable",
    read=_described("DescribeRouteTables", "RouteTables", "RouteTableIds", "route-table"),
    delete="DeleteRouteTable",
    tags=_tagged("route-table"),
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
        make=lambda values, _: _route_id(values),
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
    tables = r.call("DescribeRouteTables", Filters=_filters(**by))["RouteTables"]
    return next(
        (
            each
            for table in tables
            for each in table["Associations"]
            if r["subnetId"] == each.get("SubnetId") or r.id == each["RouteTableAssociationId"]
        ),
        None,
    )


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
    key=assigned("AssociationId", "AssociationId"),
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
    endpoint = _described("DescribeVpcEndpoints", "VpcEndpoints", "VpcEndpointIds", "vpc-endpoint")(r)
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
    tags=_tagged("vpc-endpoint"),
)


def _adopt_default_group(r: Resource) -> Response:
    groups = r.call("DescribeSecurityGroups", Filters=_filters(vpc_id=r["vpcId"], group_name="default"))
    if not groups["SecurityGroups"]:
        raise ProviderError(f"VPC {r['vpcId']} has no default security group")
    group = groups["SecurityGroups"][0]
    adopted = Resource(r.row, group["GroupId"], r.values, {}, r.account, r.invoke, r.wait)
    if r["tagsAll"] and r.row.tags:
        r.row.tags.tag(adopted, r["tagsAll"])
    return group


def _empty_group(r: Resource) -> None:
    group = _described("DescribeSecurityGroups", "SecurityGroups", "GroupIds")(r) or {}
    for operation, listed in (
        ("RevokeSecurityGroupIngress", "IpPermissions"),
        ("RevokeSecurityGroupEgress", "IpPermissionsEgress"),
    ):
        if group.get(listed):
            r.call(operation, GroupId=r.id, IpPermissions=group[listed])


def _no_rules(value: Any) -> str:
    return f"{value!r} is not allowed: the stand-in keeps a default security group empty" if value else ""


_RULE = {
    "protocol": Property(member="IpProtocol"),
    "fromPort": Property(),
    "toPort": Property(),
    "cidrBlocks": Property(member="IpRanges", decode=lambda ranges: [each["CidrIp"] for each in ranges]),
}

DEFAULT_SECURITY_GROUP = Row(
    type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    service="ec2",
    source="terraform-provider-aws, aws_default_security_group: vpc_id is ForceNew",
    key=assigned("GroupId", "GroupId"),
    properties={
        "vpcId": Property(required=True, replaces=True, local=True),
        "ingress": Property(member="IpPermissions", fields=_RULE, many=True, default=[], check=_no_rules, local=True),
        "egress": Property(
            member="IpPermissionsEgress", fields=_RULE, many=True, default=[], check=_no_rules, local=True
        ),
    },
    outputs={"arn": Property(), "name": Property(member="GroupName"), "ownerId": Property(), "description": Property()},
    create=_adopt_default_group,
    read=_described("DescribeSecurityGroups", "SecurityGroups", "GroupIds", "security-group"),
    steps=(Step(("ingress", "egress"), run=_empty_group, creates=True),),
    # AWS keeps a VPC's default group for as long as the VPC lives.
    delete=lambda _: None,
    tags=_tagged("security-group"),
)


def _read_launch_template(r: Resource) -> Response | None:
    template = _described("DescribeLaunchTemplates", "LaunchTemplates", "LaunchTemplateIds", "launch-template")(r)
    if template is None:
        return None
    versions = r.call(
        "DescribeLaunchTemplateVersions", LaunchTemplateId=r.id, Versions=[str(template["LatestVersionNumber"])]
    )["LaunchTemplateVersions"]
    data: Response = versions[0]["LaunchTemplateData"]
    # The template's own tags are not part of what it launches, though moto says so.
    launched = [each for each in as_list(data.get("TagSpecifications")) if each["ResourceType"] != "launch-template"]
    return {
        **template,
        "LaunchTemplateData": {**data, "TagSpecifications": launched or None},
        "VersionDescription": versions[0].get("VersionDescription"),
    }


_VERSIONED = ("description", "metadataOptions", "blockDeviceMappings", "tagSpecifications")


def _new_version(r: Resource) -> None:
    response = r.send("CreateLaunchTemplateVersion", *_VERSIONED)
    if r["updateDefaultVersion"]:
        version = str(response["LaunchTemplateVersion"]["VersionNumber"])
        r.call("ModifyLaunchTemplate", LaunchTemplateId=r.id, DefaultVersion=version)


LAUNCH_TEMPLATE = Row(
    type="aws:ec2/launchTemplate:LaunchTemplate",
    service="ec2",
    cloudformation="AWS::EC2::LaunchTemplate",
    key=assigned("LaunchTemplate.LaunchTemplateId", "LaunchTemplateId"),
    # Source of the limit: EC2 API, CreateLaunchTemplate, 3 to 128 characters.
    name=AutoName("name", 128),
    properties={
        "name": Property(member="LaunchTemplateName", replaces=True),
        "description": Property(member="VersionDescription"),
        "updateDefaultVersion": Property(local=True, hidden=True, check=boolean),
        "metadataOptions": Property(
            member="LaunchTemplateData.MetadataOptions",
            computed=True,
            fields={
                "httpEndpoint": Property(computed=True),
                "httpTokens": Property(computed=True),
                "httpPutResponseHopLimit": Property(computed=True),
            },
        ),
        "blockDeviceMappings": Property(
            member="LaunchTemplateData.BlockDeviceMappings",
            many=True,
            fields={
                "deviceName": Property(),
                "ebs": Property(
                    fields={
                        "encrypted": Property(text=True),
                        "deleteOnTermination": Property(text=True),
                        "volumeType": Property(computed=True),
                        "volumeSize": Property(computed=True),
                    }
                ),
            },
        ),
        "tagSpecifications": Property(
            member="LaunchTemplateData.TagSpecifications",
            many=True,
            fields={"resourceType": Property(), "tags": Property(encode=tag_list, decode=tag_map)},
        ),
    },
    outputs={
        "arn": Property(),
        "latestVersion": Property(member="LatestVersionNumber"),
        "defaultVersion": Property(member="DefaultVersionNumber"),
    },
    create="CreateLaunchTemplate",
    read=_read_launch_template,
    steps=(Step(_VERSIONED, run=_new_version, computes=("latestVersion", "defaultVersion")),),
    delete="DeleteLaunchTemplate",
    tags=_tagged("launch-template"),
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
    DEFAULT_SECURITY_GROUP,
    LAUNCH_TEMPLATE,
)
