"""Where EC2 differs from what moto does by itself."""

from __future__ import annotations

from tests.sandbox.account.aws import Aws, refused


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
