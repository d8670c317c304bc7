"""Where EC2 differs from what moto does by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jmespath
import pytest

from tests.sandbox.account.aws import Aws, Document, Network, refused, tags, unique

if TYPE_CHECKING:
    from collections.abc import Callable

AMAZON_LINUX = "resolve:ssm:/aws/service/ami-amazon-linux-latest/"


def test_a_subnet_in_a_zone_of_another_region_is_refused(aws: Aws) -> None:
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    with refused("InvalidParameterValue", "Value (eu-central-1a) for parameter availabilityZone is invalid"):
        aws.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="eu-central-1a")
    with refused("InvalidParameterValue", "eu-west-2a, eu-west-2b, eu-west-2c"):
        aws.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="eu-west-2z")


def test_the_default_group_of_a_vpc_lets_its_members_in_and_can_be_emptied(aws: Aws) -> None:
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    (group,) = aws.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]

    (rule,) = group["IpPermissions"]
    assert rule["IpProtocol"] == "-1"
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [group["GroupId"]]

    aws.ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    aws.ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
    (group,) = aws.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])


def test_a_nat_gateway_leaves_neither_interface_nor_association(aws: Aws) -> None:
    before = aws.census()
    network = aws.network("a")
    address = aws.ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = aws.ec2.create_nat_gateway(SubnetId=network.subnets[0], AllocationId=address)["NatGateway"][
        "NatGatewayId"
    ]
    assert len(aws.census()["network interface"]) == len(before["network interface"]) + 1

    aws.ec2.delete_nat_gateway(NatGatewayId=gateway)

    (free,) = aws.ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert "AssociationId" not in free
    aws.ec2.release_address(AllocationId=address)
    aws.remove_network(network)
    assert aws.census() == before


def test_a_nat_gateway_that_is_not_there_cannot_be_deleted(aws: Aws) -> None:
    with refused("NatGatewayNotFound"):
        aws.ec2.delete_nat_gateway(NatGatewayId="nat-0123456789abcdef0")


def test_an_instance_leaves_neither_interface_nor_volume(aws: Aws) -> None:
    before = aws.census()
    network = aws.network("a")
    for request in (
        {"SubnetId": network.subnets[0]},
        {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": network.subnets[0]}]},
    ):
        answer = aws.ec2.run_instances(ImageId="ami-0e5a12023a86c6400", MinCount=1, MaxCount=1, **request)
        aws.ec2.terminate_instances(InstanceIds=[answer["Instances"][0]["InstanceId"]])

    aws.remove_network(network)
    assert aws.census() == before


def test_an_interface_that_was_there_before_its_instance_outlives_it(aws: Aws) -> None:
    network = aws.network("a")
    made = aws.ec2.create_network_interface(SubnetId=network.subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    interfaces = [{"DeviceIndex": 0, "NetworkInterfaceId": made}]
    answer = aws.ec2.run_instances(
        ImageId="ami-0e5a12023a86c6400", MinCount=1, MaxCount=1, NetworkInterfaces=interfaces
    )
    aws.ec2.terminate_instances(InstanceIds=[answer["Instances"][0]["InstanceId"]])

    assert made in aws.census()["network interface"]


def test_the_key_of_encrypted_volumes_is_not_the_customers(aws: Aws) -> None:
    before = aws.census()
    volume = aws.ec2.create_volume(AvailabilityZone="eu-west-2a", Size=1, Encrypted=True)
    aws.ec2.delete_volume(VolumeId=volume["VolumeId"])

    assert aws.census() == before


def test_a_launch_template_tells_the_tags_that_it_has_now(aws: Aws) -> None:
    own = [{"ResourceType": "launch-template", "Tags": [{"Key": "old", "Value": "1"}, {"Key": "stays", "Value": "1"}]}]
    made = aws.ec2.create_launch_template(
        LaunchTemplateName=unique("template"), LaunchTemplateData={"InstanceType": "t3.micro"}, TagSpecifications=own
    )["LaunchTemplate"]
    assert tags(made) == {"old": "1", "stays": "1"}

    aws.ec2.create_tags(Resources=[made["LaunchTemplateId"]], Tags=[{"Key": "new", "Value": "2"}])
    aws.ec2.delete_tags(Resources=[made["LaunchTemplateId"]], Tags=[{"Key": "old"}])

    (found,) = aws.ec2.describe_launch_templates(LaunchTemplateIds=[made["LaunchTemplateId"]])["LaunchTemplates"]
    assert tags(found) == {"new": "2", "stays": "1"}


def test_the_tags_of_a_launch_template_are_not_those_of_what_it_launches(aws: Aws) -> None:
    launched = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "platform"}]}]
    own = [{"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "storage"}]}]
    for specifications, data in ((launched, {"TagSpecifications": launched}), (None, {"InstanceType": "t3.micro"})):
        made = aws.ec2.create_launch_template(
            LaunchTemplateName=unique("template"), LaunchTemplateData=data, TagSpecifications=own
        )["LaunchTemplate"]
        answer = aws.ec2.describe_launch_template_versions(LaunchTemplateId=made["LaunchTemplateId"])
        (version,) = answer["LaunchTemplateVersions"]
        assert version["LaunchTemplateData"].get("TagSpecifications") == specifications


def test_the_routes_of_a_gateway_endpoint_follow_its_route_tables(aws: Aws) -> None:
    before = aws.census()
    network = aws.network("a")
    tables = [aws.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    endpoint = aws.ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName="com.amazonaws.eu-west-2.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=tables[:1],
    )["VpcEndpoint"]["VpcEndpointId"]

    def routed() -> list[str]:
        found = aws.ec2.describe_route_tables(RouteTableIds=tables)["RouteTables"]
        return [
            table["RouteTableId"]
            for table in found
            for route in table["Routes"]
            if route.get("GatewayId") == endpoint and route["DestinationPrefixListId"].startswith("pl-")
        ]

    assert routed() == tables[:1]
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=tables[1:])
    assert routed() == tables
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=tables[:1])
    assert routed() == tables[1:]

    assert aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"] == []
    assert routed() == []
    for table in tables:
        aws.ec2.delete_route_table(RouteTableId=table)
    aws.remove_network(network)
    assert aws.census() == before


def test_an_instance_is_all_that_its_launch_template_says(aws: Aws) -> None:
    before = aws.census()
    network, profile = aws.network("a"), unique("profile")
    aws.iam.create_instance_profile(InstanceProfileName=profile, Path="/box/")
    group = aws.ec2.create_security_group(GroupName="box", Description="Box", VpcId=network.vpc)["GroupId"]
    template = aws.launch_template(
        ImageId=f"{AMAZON_LINUX}al2023-ami-kernel-default-arm64",
        InstanceType="t4g.nano",
        IamInstanceProfile={"Name": profile},
        SecurityGroupIds=[group],
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeType": "gp3"}}],
    )["LaunchTemplateId"]

    asked = [{"ResourceType": "instance", "Tags": [{"Key": "stack", "Value": "staging"}]}]
    run = aws.ec2.run_instances(
        MinCount=1,
        MaxCount=1,
        SubnetId=network.subnets[0],
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
        TagSpecifications=asked,
    )["Instances"][0]["InstanceId"]
    (instance,) = aws.ec2.describe_instances(InstanceIds=[run])["Reservations"][0]["Instances"]

    assert (instance["InstanceType"], instance["Architecture"]) == ("t4g.nano", "arm64")
    assert instance["ImageId"].startswith("ami-")
    assert instance["IamInstanceProfile"]["Arn"] == f"arn:aws:iam::111122223333:instance-profile/box/{profile}"
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert [each["GroupId"] for each in instance["SecurityGroups"]] == [group]
    own = {"team": "platform", "stack": "staging"}
    launched_from = {"aws:ec2launchtemplate:id": template, "aws:ec2launchtemplate:version": "1"}
    assert tags(instance) == own | launched_from
    (mapping,) = instance["BlockDeviceMappings"]
    (volume,) = aws.ec2.describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"]
    assert (mapping["DeviceName"], mapping["Ebs"]["DeleteOnTermination"]) == ("/dev/xvda", True)
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (8, "gp3", True)
    assert tags(volume) == {"team": "storage"}

    aws.ec2.terminate_instances(InstanceIds=[run])
    aws.ec2.delete_launch_template(LaunchTemplateId=template)
    aws.iam.delete_instance_profile(InstanceProfileName=profile)
    aws.ec2.delete_security_group(GroupId=group)
    aws.remove_network(network)
    assert aws.census() == before


def test_what_a_request_names_wins_over_its_launch_template(aws: Aws) -> None:
    network, template = aws.network("a"), aws.launch_template(ImageId="ami-0e5a12023a86c6400", InstanceType="t3.large")
    (instance,) = aws.ec2.run_instances(
        ImageId=f"{AMAZON_LINUX}al2023-ami-kernel-default-arm64",
        InstanceType="t4g.small",
        MetadataOptions={"HttpPutResponseHopLimit": 2},
        BlockDeviceMappings=[{"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 3, "DeleteOnTermination": True}}],
        MinCount=1,
        MaxCount=1,
        SubnetId=network.subnets[0],
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"]},
    )["Instances"]
    assert (instance["InstanceType"], instance["Architecture"]) == ("t4g.small", "arm64")
    assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert [each["DeviceName"] for each in instance["BlockDeviceMappings"]] == ["/dev/xvda", "/dev/xvdb"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, "MissingParameter"),
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "resolve:ssm:/team/golden-image"}, "InvalidParameterValue"),
        ({"ImageId": f"{AMAZON_LINUX}al1"}, "InvalidParameterValue"),
    ],
)
def test_an_instance_without_an_image_is_refused(aws: Aws, request_: dict[str, str], code: str) -> None:
    before, network = aws.census(), aws.network("a")
    with refused(code):
        aws.ec2.run_instances(MinCount=1, MaxCount=1, SubnetId=network.subnets[0], **request_)
    aws.remove_network(network)
    assert aws.census() == before


def test_a_launch_template_with_an_unknown_profile_launches_nothing(aws: Aws) -> None:
    network = aws.network("a")
    template = aws.launch_template(ImageId="ami-0e5a12023a86c6400", IamInstanceProfile={"Name": "nobody"})
    before = aws.census()
    with refused("InvalidParameterValue", "Invalid IAM Instance Profile name"):
        aws.ec2.run_instances(
            MinCount=1,
            MaxCount=1,
            SubnetId=network.subnets[0],
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"]},
        )
    assert aws.census() == before


def test_a_rule_of_a_security_group_may_come_to_name_another_group(aws: Aws) -> None:
    vpc = aws.network("a").vpc
    group, first, second = (
        aws.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in "abc"
    )
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": first}]}
    answer = aws.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    wanted = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 8443, "ReferencedGroupId": second}
    aws.ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": wanted}]
    )

    (found,) = aws.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"]
    assert (found["FromPort"], found["ToPort"]) == (443, 8443)
    assert found["ReferencedGroupInfo"]["GroupId"] == second


def test_a_filter_by_tag_key_takes_what_has_any_of_the_keys(aws: Aws) -> None:
    one, two = unique("one"), unique("two")
    made = [
        aws.ec2.create_volume(
            Size=1,
            AvailabilityZone=f"{aws.region}a",
            TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": key, "Value": "-"}]}],
        )["VolumeId"]
        for key in (one, two, unique("three"))
    ]
    found = aws.ec2.describe_volumes(Filters=[{"Name": "tag-key", "Values": [one, two]}])["Volumes"]
    assert {volume["VolumeId"] for volume in found} == set(made[:2])


def interface_endpoint(aws: Aws, network: Network, *, service: str = "", **settings: Any) -> str:
    answer = aws.ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName=service or f"com.amazonaws.{aws.region}.guardduty-data",
        VpcEndpointType="Interface",
        SubnetIds=list(network.subnets),
        **settings,
    )
    return answer["VpcEndpoint"]["VpcEndpointId"]


def interfaces_of(aws: Aws, endpoint: str) -> list[Document]:
    filters = [{"Name": "description", "Values": [f"VPC Endpoint Interface {endpoint}"]}]
    return aws.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]


def test_an_interface_endpoint_stands_in_its_subnets_with_its_groups_until_it_goes(aws: Aws) -> None:
    before = aws.census()
    network = aws.network("a", "b")
    group = aws.ec2.create_security_group(GroupName="endpoint", Description="-", VpcId=network.vpc)["GroupId"]
    endpoint = interface_endpoint(aws, network, SecurityGroupIds=[group])

    found = interfaces_of(aws, endpoint)
    assert {eni["SubnetId"] for eni in found} == set(network.subnets)
    assert {(eni["Status"], eni["RequesterManaged"], eni["InterfaceType"]) for eni in found} == {
        ("in-use", True, "vpc_endpoint")
    }
    assert [[each["GroupId"] for each in eni["Groups"]] for eni in found] == [[group], [group]]
    (told,) = aws.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    assert set(told["NetworkInterfaceIds"]) == {eni["NetworkInterfaceId"] for eni in found}
    for call in (
        lambda: aws.ec2.delete_subnet(SubnetId=network.subnets[0]),
        lambda: aws.ec2.delete_security_group(GroupId=group),
        lambda: aws.ec2.delete_vpc(VpcId=network.vpc),
    ):
        with refused("DependencyViolation"):
            call()
    with refused("InvalidParameterValue", "is currently in use"):
        aws.ec2.delete_network_interface(NetworkInterfaceId=found[0]["NetworkInterfaceId"])

    assert aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"] == []
    aws.ec2.delete_security_group(GroupId=group)
    aws.remove_network(network)
    assert aws.census() == before


def test_an_interface_endpoint_without_groups_has_the_default_one(aws: Aws) -> None:
    network = aws.network("a")
    (interface,) = interfaces_of(aws, interface_endpoint(aws, network))
    assert [group["GroupName"] for group in interface["Groups"]] == ["default"]


def test_the_interfaces_of_an_endpoint_follow_its_subnets_and_groups(aws: Aws) -> None:
    network = aws.network("a", "b")
    first, second = (
        aws.ec2.create_security_group(GroupName=name, Description="-", VpcId=network.vpc)["GroupId"] for name in "ab"
    )
    endpoint = interface_endpoint(aws, Network(network.vpc, network.subnets[:1]), SecurityGroupIds=[first])
    aws.ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint,
        AddSubnetIds=[network.subnets[1]],
        RemoveSubnetIds=[network.subnets[0]],
        AddSecurityGroupIds=[second],
        RemoveSecurityGroupIds=[first],
    )
    (interface,) = interfaces_of(aws, endpoint)
    assert (interface["SubnetId"], [each["GroupId"] for each in interface["Groups"]]) == (network.subnets[1], [second])
    aws.ec2.delete_subnet(SubnetId=network.subnets[0])
    aws.ec2.delete_security_group(GroupId=first)


def test_an_endpoint_that_a_service_manages_is_not_the_customers_to_delete(aws: Aws) -> None:
    """The call itself succeeds: who does not read its answer believes that it is gone."""
    network = aws.network("a")
    own = interface_endpoint(aws, network)
    managed = interface_endpoint(aws, network, service=f"com.amazonaws.vpce.{aws.region}.vpce-svc-0123456789abcdef0")
    told = aws.ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])["VpcEndpoints"]
    assert {each["VpcEndpointId"]: each["RequesterManaged"] for each in told} == {own: False, managed: True}

    unknown = "vpce-00000000000000000"
    answer = aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[own, managed, unknown])
    assert {each["ResourceId"]: each["Error"]["Code"] for each in answer["Unsuccessful"]} == {
        managed: "InvalidParameter",
        unknown: "InvalidVpcEndpoint.NotFound",
    }
    assert "requester-managed" in answer["Unsuccessful"][0]["Error"]["Message"]
    assert [own in aws.census()["VPC endpoint"], managed in aws.census()["VPC endpoint"]] == [False, True]


def endpoint_with(aws: Aws, specification: list[Document]) -> str:
    return interface_endpoint(aws, aws.network("a"), TagSpecifications=specification)


def nat_gateway_with(aws: Aws, specification: list[Document]) -> str:
    address = aws.ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = aws.ec2.create_nat_gateway(
        SubnetId=aws.network("a").subnets[0], AllocationId=address, TagSpecifications=specification
    )
    return made["NatGateway"]["NatGatewayId"]


def template_with(aws: Aws, specification: list[Document]) -> str:
    made = aws.ec2.create_launch_template(
        LaunchTemplateName=unique("template"),
        LaunchTemplateData={"InstanceType": "t3.micro"},
        TagSpecifications=specification,
    )
    return made["LaunchTemplate"]["LaunchTemplateId"]


def snapshot_with(aws: Aws, specification: list[Document]) -> str:
    volume = aws.ec2.create_volume(Size=1, AvailabilityZone=f"{aws.region}a")["VolumeId"]
    return aws.ec2.create_snapshot(VolumeId=volume, TagSpecifications=specification)["SnapshotId"]


def address_with(aws: Aws, specification: list[Document]) -> str:
    return aws.ec2.allocate_address(Domain="vpc", TagSpecifications=specification)["AllocationId"]


FILTERED: dict[str, tuple[Callable[[Aws, list[Document]], str], str, str]] = {
    "vpc-endpoint": (endpoint_with, "describe_vpc_endpoints", "VpcEndpoints[].VpcEndpointId"),
    "natgateway": (nat_gateway_with, "describe_nat_gateways", "NatGateways[].NatGatewayId"),
    "launch-template": (template_with, "describe_launch_templates", "LaunchTemplates[].LaunchTemplateId"),
    "snapshot": (snapshot_with, "describe_snapshots", "Snapshots[].SnapshotId"),
    "elastic-ip": (address_with, "describe_addresses", "Addresses[].AllocationId"),
}
"""Resource type → how one is made with tags, the operation that filters, and where the ids stand in its answer."""


@pytest.mark.parametrize("kind", FILTERED)
def test_a_listing_is_filtered_by_tags_and_their_keys(aws: Aws, kind: str) -> None:
    make, operation, ids = FILTERED[kind]
    one, two, value = unique("one"), unique("two"), unique("value")

    def made(key: str, value: str) -> str:
        return make(aws, [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value}, {"Key": "more", "Value": ""}]}])

    def listed(name: str, *values: str) -> set[str]:
        name_of_filters = "Filter" if operation == "describe_nat_gateways" else "Filters"
        answer = getattr(aws.ec2, operation)(**{name_of_filters: [{"Name": name, "Values": list(values)}]})
        return set(jmespath.search(ids, answer))

    first, second, third = made(one, value), made(two, value), made(one, "other")
    assert listed("tag-key", one) == {first, third}
    assert listed("tag-key", one, two, unique("none")) == {first, second, third}
    assert listed("tag-key", one[:-1]) == set()
    assert listed(f"tag:{one}", value) == {first}
    assert listed(f"tag:{one}", "other", value) == {first, third}
    assert listed(f"tag:{unique('none')}", value) == set()


@pytest.mark.parametrize("kind", ["vpc-endpoint", "natgateway"])
def test_a_listing_is_filtered_by_the_vpc(aws: Aws, kind: str) -> None:
    make, operation, ids = FILTERED[kind]
    first, second = make(aws, []), make(aws, [])
    listed: list[Document] = jmespath.search(ids.partition("[]")[0], getattr(aws.ec2, operation)())
    key = ids.rpartition(".")[2]
    vpcs = {each[key]: each["VpcId"] for each in listed}
    name_of_filters = "Filter" if operation == "describe_nat_gateways" else "Filters"
    answer = getattr(aws.ec2, operation)(**{name_of_filters: [{"Name": "vpc-id", "Values": [vpcs[first]]}]})
    assert jmespath.search(ids, answer) == [first]
    assert vpcs[first] != vpcs[second]


def test_all_launch_templates_are_listed_page_by_page(aws: Aws) -> None:
    key = unique("many")
    made = {
        template_with(aws, [{"ResourceType": "launch-template", "Tags": [{"Key": key, "Value": ""}]}])
        for _ in range(18)
    }
    filters = [{"Name": "tag-key", "Values": [key]}]
    pages = [
        [each["LaunchTemplateId"] for each in page["LaunchTemplates"]]
        for page in aws.ec2.get_paginator("describe_launch_templates").paginate(
            Filters=filters, PaginationConfig={"PageSize": 7}
        )
    ]
    assert [len(page) for page in pages] == [7, 7, 4]
    assert {each for page in pages for each in page} == made
    assert len(aws.ec2.describe_launch_templates(Filters=filters)["LaunchTemplates"]) == 18


def test_the_association_of_a_route_table_goes_with_its_subnet(aws: Aws) -> None:
    network = aws.network("a", "b")
    table = aws.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    for subnet in network.subnets:
        aws.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)

    aws.ec2.delete_subnet(SubnetId=network.subnets[0])
    (told,) = aws.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [each["SubnetId"] for each in told["Associations"]] == [network.subnets[1]]
    with refused("DependencyViolation"):
        aws.ec2.delete_route_table(RouteTableId=table)

    aws.ec2.delete_subnet(SubnetId=network.subnets[1])
    aws.ec2.delete_route_table(RouteTableId=table)
    aws.ec2.delete_vpc(VpcId=network.vpc)


def test_the_main_route_table_goes_with_its_vpc_alone(aws: Aws) -> None:
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    (table,) = aws.ec2.describe_route_tables(Filters=filters)["RouteTables"]
    with refused("DependencyViolation", "has dependencies and cannot be deleted"):
        aws.ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    aws.ec2.delete_vpc(VpcId=vpc)
    assert aws.ec2.describe_route_tables(Filters=filters)["RouteTables"] == []


def test_a_vpc_whose_deletion_is_refused_keeps_its_default_parts(aws: Aws) -> None:
    network = aws.network("a")
    before = aws.census()
    with refused("DependencyViolation"):
        aws.ec2.delete_vpc(VpcId=network.vpc)
    assert aws.census() == before


def test_a_vpc_that_is_not_there_cannot_be_deleted(aws: Aws) -> None:
    with refused("InvalidVpcID.NotFound"):
        aws.ec2.delete_vpc(VpcId="vpc-00000000000000000")


CONTROLLERS = "elbv2.k8s.aws/targetGroupBinding=shared"
"""How the load balancer controller describes the rules that it writes onto the groups of nodes and clusters."""


def rules_of(aws: Aws, group: str, *, egress: bool) -> list[Document]:
    (told,) = aws.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return told["IpPermissionsEgress" if egress else "IpPermissions"]


@pytest.mark.parametrize("egress", [False, True], ids=["ingress", "egress"])
@pytest.mark.parametrize("described", [None, CONTROLLERS, "another"])
@pytest.mark.parametrize("owned", [False, True])
@pytest.mark.parametrize("peer", ["group", "address"])
def test_rules_are_revoked_whatever_their_description(
    aws: Aws, *, egress: bool, described: str | None, owned: bool, peer: str
) -> None:
    vpc = aws.network("a").vpc
    group, other = (
        aws.ec2.create_security_group(GroupName=name, Description="-", VpcId=vpc)["GroupId"] for name in "ab"
    )
    authorize = aws.ec2.authorize_security_group_egress if egress else aws.ec2.authorize_security_group_ingress
    revoke = aws.ec2.revoke_security_group_egress if egress else aws.ec2.revoke_security_group_ingress
    before = rules_of(aws, group, egress=egress)

    def rule(**more: str) -> list[Document]:
        ports: Document = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 8080}
        named = {"UserIdGroupPairs": [{"GroupId": other, **more}]}
        return [{**ports, **(named if peer == "group" else {"IpRanges": [{"CidrIp": "10.0.0.0/16", **more}]})}]

    written = authorize(GroupId=group, IpPermissions=rule(Description=CONTROLLERS))["SecurityGroupRules"]
    assert [each["Description"] for each in written] == [CONTROLLERS]
    with refused("InvalidPermission.Duplicate"):
        authorize(GroupId=group, IpPermissions=rule(Description="another"))

    more = {"Description": described} if described else {}
    more |= {"UserId": aws.account.account_id} if owned and peer == "group" else {}
    revoke(GroupId=group, IpPermissions=rule(**more))
    assert rules_of(aws, group, egress=egress) == before


def test_a_rule_is_revoked_as_it_is_described(aws: Aws) -> None:
    vpc = aws.network("a").vpc
    group, other = (
        aws.ec2.create_security_group(GroupName=name, Description="-", VpcId=vpc)["GroupId"] for name in "ab"
    )
    pairs = [{"GroupId": other, "Description": CONTROLLERS}]
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": pairs}
    aws.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    (told,) = rules_of(aws, group, egress=False)
    assert [pair["Description"] for pair in told["UserIdGroupPairs"]] == [CONTROLLERS]
    aws.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[told])
    assert rules_of(aws, group, egress=False) == []


def test_where_one_rule_is_not_there_none_is_revoked(aws: Aws) -> None:
    vpc = aws.network("a").vpc
    group = aws.ec2.create_security_group(GroupName="a", Description="-", VpcId=vpc)["GroupId"]
    there, missing = (
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        for port in (80, 81)
    )
    aws.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[there])
    with refused("InvalidPermission.NotFound"):
        aws.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[there, missing])
    assert [rule["FromPort"] for rule in rules_of(aws, group, egress=False)] == [80]


def test_a_rule_for_another_peer_port_or_protocol_is_not_revoked(aws: Aws) -> None:
    vpc = aws.network("a").vpc
    group, one, two = (
        aws.ec2.create_security_group(GroupName=name, Description="-", VpcId=vpc)["GroupId"] for name in "abc"
    )

    def rule(other: str, protocol: str = "tcp", port: int = 80) -> Document:
        pairs = [{"GroupId": other, "Description": CONTROLLERS}]
        return {"IpProtocol": protocol, "FromPort": port, "ToPort": port, "UserIdGroupPairs": pairs}

    aws.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule(one)])
    for wrong in (rule(two), rule(one, "udp"), rule(one, port=81)):
        with refused("InvalidPermission.NotFound"):
            aws.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[wrong])
    assert len(rules_of(aws, group, egress=False)) == 1


def test_a_region_that_aws_does_not_have_is_refused(aws: Aws) -> None:
    found = aws.ec2.describe_regions(RegionNames=["eu-west-2", "me-central-1"], AllRegions=True)["Regions"]
    assert [each["OptInStatus"] for each in found] == ["opt-in-not-required", "not-opted-in"]
    with refused("InvalidParameterValue", "Invalid region provided: eu-west-9"):
        aws.ec2.describe_regions(RegionNames=["eu-west-9"], AllRegions=True)
