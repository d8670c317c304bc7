from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.provider.vpc import ROWS
from tests.sandbox.provider.driver import Made
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated, vpc_with_subnets

if TYPE_CHECKING:
    from tests.sandbox.provider.driver import Driver

VPC, SUBNET, GATEWAY, EIP, NAT, TABLE, ROUTE, ASSOCIATION, ENDPOINT = (row.type for row in ROWS)


def test_vpc(aws: Driver) -> None:
    inputs = {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True, "tags": {"Name": "main"}}
    vpc = made(aws, VPC, "main", inputs)
    assert vpc["arn"] == f"arn:aws:ec2:eu-west-2:111122223333:vpc/{vpc.id}"
    assert vpc["defaultSecurityGroupId"].startswith("sg-")
    assert vpc["mainRouteTableId"].startswith("rtb-")
    imported(aws, vpc, inputs)
    vpc = updated(
        aws,
        vpc,
        Update(inputs | {"enableDnsHostnames": False}, {"enableDnsHostnames"}, {"enableDnsHostnames": False}),
        Update(
            {"cidrBlock": "10.0.0.0/16", "tags": {"Name": "other", "team": "fleet"}},
            {"tags.Name", "tags.team"},
            {
                "tags": {"Name": "other", "team": "fleet"},
                "tagsAll": {"Name": "other", "team": "fleet", "environment": "test"},
            },
        ),
        Update({"cidrBlock": "10.0.0.0/16"}, {"tags"}, {"tagsAll": {"environment": "test"}}),
    )
    assert aws.diff(vpc, {"cidrBlock": "10.1.0.0/16"}).replaces == ["cidrBlock"]
    gone(aws, vpc)


def test_subnet(aws: Driver) -> None:
    vpc, _ = vpc_with_subnets(aws, "")
    inputs = {
        "vpcId": vpc,
        "cidrBlock": "10.0.8.0/24",
        "availabilityZone": "eu-west-2b",
        "mapPublicIpOnLaunch": True,
        "tags": {"kubernetes.io/role/elb": "1"},
    }
    subnet = made(aws, SUBNET, "public", inputs)
    assert subnet["arn"].endswith(f":subnet/{subnet.id}")
    imported(aws, subnet, inputs)
    subnet = updated(
        aws,
        subnet,
        Update(inputs | {"mapPublicIpOnLaunch": False}, {"mapPublicIpOnLaunch"}, {"mapPublicIpOnLaunch": False}),
    )
    assert aws.diff(subnet, inputs | {"availabilityZone": "eu-west-2a"}).replaces == ["availabilityZone"]
    without_zone = {name: value for name, value in inputs.items() if name != "availabilityZone"}
    assert aws.diff(subnet, without_zone).replaces == []
    gone(aws, subnet)


def test_internet_gateway(aws: Driver) -> None:
    (first, _), (second, _) = vpc_with_subnets(aws, ""), vpc_with_subnets(aws, "")
    gateway = made(aws, GATEWAY, "main", {"vpcId": first})
    imported(aws, gateway, {"vpcId": first})
    gateway = updated(aws, gateway, Update({"vpcId": second}, {"vpcId"}, {"vpcId": second}))
    gone(aws, gateway)


def test_nat_gateway_on_an_address_and_the_route_to_it(aws: Driver) -> None:
    vpc, (subnet, other) = vpc_with_subnets(aws)
    gateway = aws.create(GATEWAY, "main", {"vpcId": vpc})
    address = made(aws, EIP, "nat", {"domain": "vpc", "tags": {"Name": "nat"}})
    assert address.id == address["allocationId"]
    assert address["publicIp"]
    nat = made(aws, NAT, "nat", {"allocationId": address.id, "subnetId": subnet})
    held = aws.refresh(address)
    assert held is not None
    assert held["associationId"].startswith("eipassoc-")
    assert aws.diff(held, {"domain": "vpc", "tags": {"Name": "nat"}}).kinds == {}
    imported(aws, nat, {"allocationId": address.id, "subnetId": subnet})
    assert aws.diff(nat, {"allocationId": address.id, "subnetId": other}).replaces == ["subnetId"]

    table = made(aws, TABLE, "private", {"vpcId": vpc, "tags": {"Name": "private"}})
    inputs = {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0"}
    route = made(aws, ROUTE, "out", inputs | {"gatewayId": gateway.id})
    # What pulumi-aws makes of 0.0.0.0/0.
    assert route.id == f"r-{table.id}1080289494"
    imported(aws, route, inputs | {"gatewayId": gateway.id}, resource_id=f"{table.id}_0.0.0.0/0")
    route = updated(
        aws, route, Update(inputs | {"natGatewayId": nat.id}, {"gatewayId", "natGatewayId"}, {"natGatewayId": nat.id})
    )
    # The gateway has ended the association that the state of the address still names.
    for each in (route, nat, held, table):
        gone(aws, each)


def test_route_table_association(aws: Driver) -> None:
    vpc, (subnet, other) = vpc_with_subnets(aws)
    first, second = (aws.create(TABLE, name, {"vpcId": vpc}).id for name in ("first", "second"))
    association = made(aws, ASSOCIATION, "a", {"subnetId": subnet, "routeTableId": first})
    assert association.id.startswith("rtbassoc-")
    imported(aws, association, {"subnetId": subnet, "routeTableId": first}, resource_id=f"{subnet}/{first}")
    association = updated(
        aws,
        association,
        Update({"subnetId": subnet, "routeTableId": second}, {"routeTableId"}, {"routeTableId": second}),
    )
    assert aws.diff(association, {"subnetId": other, "routeTableId": second}).replaces == ["subnetId"]
    gone(aws, association)


def test_vpc_endpoint(aws: Driver) -> None:
    vpc, _ = vpc_with_subnets(aws, "")
    tables = [aws.create(TABLE, name, {"vpcId": vpc}).id for name in ("first", "second")]
    inputs = {"vpcId": vpc, "serviceName": "com.amazonaws.eu-west-2.s3", "routeTableIds": tables[:1]}
    endpoint = made(aws, ENDPOINT, "s3", inputs)
    assert aws.preview(ENDPOINT, "s3", inputs)["vpcEndpointType"] == "Gateway"
    imported(aws, endpoint, inputs)
    endpoint = updated(
        aws,
        endpoint,
        Update(inputs | {"routeTableIds": tables}, {"routeTableIds"}),
        Update(inputs | {"routeTableIds": tables[1:]}, {"routeTableIds"}, {"routeTableIds": tables[1:]}),
    )
    assert aws.diff(endpoint, inputs | {"vpcEndpointType": "Interface"}).replaces == ["vpcEndpointType"]
    gone(aws, endpoint)


@pytest.mark.parametrize(
    ("token", "prefix"),
    [
        (VPC, "vpc"),
        (SUBNET, "subnet"),
        (GATEWAY, "igw"),
        (EIP, "eipalloc"),
        (NAT, "nat"),
        (TABLE, "rtb"),
        (ENDPOINT, "vpce"),
    ],
)
def test_what_was_never_there_reads_as_gone(aws: Driver, token: str, prefix: str) -> None:
    assert aws.refresh(Made(token, "lost", f"{prefix}-0123456789abcdef0", {}, {"tags": {}})) is None
