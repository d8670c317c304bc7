"""Where EC2 differs from what moto does by itself."""

from __future__ import annotations

import pytest

from tests.sandbox.account.aws import Aws, refused, tags, unique

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
