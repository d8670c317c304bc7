"""What AWS refuses to take away while something depends on it, and takes away once that is gone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.account.aws import Aws, Document, refused, unique

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Case:
    """A call, and what takes its obstacle away."""

    call: Callable[[], Any]
    clear: Callable[[], Any]


def subnet_of(aws: Aws) -> str:
    return aws.network("a").subnets[0]


def vpc_of(aws: Aws) -> str:
    return aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def group_in(aws: Aws, vpc: str) -> str:
    return aws.ec2.create_security_group(GroupName=unique("group"), Description="-", VpcId=vpc)["GroupId"]


def instance_in(aws: Aws, subnet: str, **settings: Any) -> str:
    image = aws.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = aws.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, **settings)
    return made["Instances"][0]["InstanceId"]


def interface_in(aws: Aws, subnet: str, **settings: Any) -> str:
    return aws.ec2.create_network_interface(SubnetId=subnet, **settings)["NetworkInterface"]["NetworkInterfaceId"]


def nat_gateway_in(aws: Aws, subnet: str) -> tuple[str, str]:
    address = aws.ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = aws.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    return gateway, address


def balancer_in(aws: Aws, network: Any, kind: str = "application", **settings: Any) -> str:
    made = aws.client("elbv2").create_load_balancer(
        Name=unique("lb"), Type=kind, Subnets=list(network.subnets), **settings
    )
    return made["LoadBalancers"][0]["LoadBalancerArn"]


def subnet_with_an_interface(aws: Aws) -> Case:
    subnet = subnet_of(aws)
    eni = interface_in(aws, subnet)
    return Case(
        lambda: aws.ec2.delete_subnet(SubnetId=subnet),
        lambda: aws.ec2.delete_network_interface(NetworkInterfaceId=eni),
    )


def subnet_with_an_instance(aws: Aws) -> Case:
    subnet = subnet_of(aws)
    instance = instance_in(aws, subnet)
    return Case(
        lambda: aws.ec2.delete_subnet(SubnetId=subnet), lambda: aws.ec2.terminate_instances(InstanceIds=[instance])
    )


def subnet_with_a_nat_gateway(aws: Aws) -> Case:
    subnet = subnet_of(aws)
    gateway, _address = nat_gateway_in(aws, subnet)
    return Case(
        lambda: aws.ec2.delete_subnet(SubnetId=subnet), lambda: aws.ec2.delete_nat_gateway(NatGatewayId=gateway)
    )


def subnet_with_an_interface_endpoint(aws: Aws) -> Case:
    network = aws.network("a")
    endpoint = aws.ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName=f"com.amazonaws.{aws.region}.ecr.api",
        VpcEndpointType="Interface",
        SubnetIds=list(network.subnets),
    )["VpcEndpoint"]["VpcEndpointId"]
    return Case(
        lambda: aws.ec2.delete_subnet(SubnetId=network.subnets[0]),
        lambda: aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]),
    )


def subnet_with_a_load_balancer(aws: Aws, kind: str) -> Case:
    network = aws.network("a", "b")
    arn = balancer_in(aws, network, kind)
    return Case(
        lambda: aws.ec2.delete_subnet(SubnetId=network.subnets[0]),
        lambda: aws.client("elbv2").delete_load_balancer(LoadBalancerArn=arn),
    )


def subnet_with_a_classic_load_balancer(aws: Aws) -> Case:
    network, elb, name = aws.network("a"), aws.client("elb"), unique("classic")
    listener = {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}
    elb.create_load_balancer(LoadBalancerName=name, Listeners=[listener], Subnets=list(network.subnets))
    return Case(
        lambda: aws.ec2.delete_subnet(SubnetId=network.subnets[0]),
        lambda: elb.delete_load_balancer(LoadBalancerName=name),
    )


def subnet_with_a_cluster(aws: Aws) -> Case:
    cluster = aws.cluster()
    subnet = cluster["resourcesVpcConfig"]["subnetIds"][0]
    return Case(lambda: aws.ec2.delete_subnet(SubnetId=subnet), lambda: aws.eks.delete_cluster(name=cluster["name"]))


def subnet_with_nodes(aws: Aws) -> Case:
    cluster = aws.cluster()
    name, subnet = cluster["name"], cluster["resourcesVpcConfig"]["subnetIds"][0]
    nodes = aws.nodegroup(cluster)["nodegroupName"]

    def clear() -> None:
        aws.eks.delete_nodegroup(clusterName=name, nodegroupName=nodes)
        aws.eks.delete_cluster(name=name)

    return Case(lambda: aws.ec2.delete_subnet(SubnetId=subnet), clear)


def vpc_with_a_subnet(aws: Aws) -> Case:
    network = aws.network("a")
    return Case(
        lambda: aws.ec2.delete_vpc(VpcId=network.vpc), lambda: aws.ec2.delete_subnet(SubnetId=network.subnets[0])
    )


def vpc_with_a_gateway(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    aws.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return Case(
        lambda: aws.ec2.delete_vpc(VpcId=vpc),
        lambda: aws.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc),
    )


def vpc_with_a_security_group(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    group = group_in(aws, vpc)
    return Case(lambda: aws.ec2.delete_vpc(VpcId=vpc), lambda: aws.ec2.delete_security_group(GroupId=group))


def vpc_with_a_route_table(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    table = aws.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    return Case(lambda: aws.ec2.delete_vpc(VpcId=vpc), lambda: aws.ec2.delete_route_table(RouteTableId=table))


def vpc_with_an_endpoint(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    service = f"com.amazonaws.{aws.region}.s3"
    endpoint = aws.ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service)["VpcEndpoint"]["VpcEndpointId"]
    return Case(lambda: aws.ec2.delete_vpc(VpcId=vpc), lambda: aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]))


def vpc_with_an_egress_only_gateway(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    gateway = aws.ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"][
        "EgressOnlyInternetGatewayId"
    ]
    return Case(
        lambda: aws.ec2.delete_vpc(VpcId=vpc),
        lambda: aws.ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway),
    )


def vpc_with_a_vpn_gateway(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    gateway = aws.ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    aws.ec2.attach_vpn_gateway(VpnGatewayId=gateway, VpcId=vpc)
    return Case(
        lambda: aws.ec2.delete_vpc(VpcId=vpc), lambda: aws.ec2.detach_vpn_gateway(VpnGatewayId=gateway, VpcId=vpc)
    )


def route_table_of_a_subnet(aws: Aws) -> Case:
    network = aws.network("a")
    table = aws.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    aws.ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])
    return Case(
        lambda: aws.ec2.delete_route_table(RouteTableId=table),
        lambda: aws.ec2.delete_subnet(SubnetId=network.subnets[0]),
    )


def vpc_with_a_network_acl(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    acl = aws.ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    return Case(lambda: aws.ec2.delete_vpc(VpcId=vpc), lambda: aws.ec2.delete_network_acl(NetworkAclId=acl))


def group_of_an_interface(aws: Aws) -> Case:
    network = aws.network("a")
    group = group_in(aws, network.vpc)
    eni = interface_in(aws, network.subnets[0], Groups=[group])
    return Case(
        lambda: aws.ec2.delete_security_group(GroupId=group),
        lambda: aws.ec2.delete_network_interface(NetworkInterfaceId=eni),
    )


def group_of_a_load_balancer(aws: Aws) -> Case:
    network = aws.network("a", "b")
    group = group_in(aws, network.vpc)
    arn = balancer_in(aws, network, SecurityGroups=[group])
    return Case(
        lambda: aws.ec2.delete_security_group(GroupId=group),
        lambda: aws.client("elbv2").delete_load_balancer(LoadBalancerArn=arn),
    )


def group_that_another_names(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    group, other = group_in(aws, vpc), group_in(aws, vpc)
    rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": group}]}]
    aws.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=rule)
    return Case(
        lambda: aws.ec2.delete_security_group(GroupId=group),
        lambda: aws.ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=rule),
    )


def gateway_with_a_mapped_address(aws: Aws) -> Case:
    network = aws.network("a")
    gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    aws.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    nat, _address = nat_gateway_in(aws, network.subnets[0])
    return Case(
        lambda: aws.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc),
        lambda: aws.ec2.delete_nat_gateway(NatGatewayId=nat),
    )


def attached_gateway(aws: Aws) -> Case:
    vpc = vpc_of(aws)
    gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    aws.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return Case(
        lambda: aws.ec2.delete_internet_gateway(InternetGatewayId=gateway),
        lambda: aws.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc),
    )


def address_of_a_nat_gateway(aws: Aws) -> Case:
    nat, address = nat_gateway_in(aws, subnet_of(aws))
    return Case(
        lambda: aws.ec2.release_address(AllocationId=address), lambda: aws.ec2.delete_nat_gateway(NatGatewayId=nat)
    )


def attached_interface(aws: Aws) -> Case:
    subnet = subnet_of(aws)
    eni, instance = interface_in(aws, subnet), instance_in(aws, subnet)
    attachment = aws.ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)
    return Case(
        lambda: aws.ec2.delete_network_interface(NetworkInterfaceId=eni),
        lambda: aws.ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"]),
    )


def attached_volume(aws: Aws) -> Case:
    instance = instance_in(aws, subnet_of(aws))
    volume = aws.ec2.create_volume(Size=1, AvailabilityZone=f"{aws.region}a")["VolumeId"]
    aws.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    return Case(
        lambda: aws.ec2.delete_volume(VolumeId=volume),
        lambda: aws.ec2.detach_volume(VolumeId=volume, InstanceId=instance),
    )


def role_with_an_attached_policy(aws: Aws) -> Case:
    role = aws.role("ec2.amazonaws.com").rpartition("/")[2]
    arn = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
    aws.iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return Case(
        lambda: aws.iam.delete_role(RoleName=role), lambda: aws.iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    )


def role_with_an_inline_policy(aws: Aws) -> Case:
    role = aws.role("ec2.amazonaws.com").rpartition("/")[2]
    aws.iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=POLICY)
    return Case(
        lambda: aws.iam.delete_role(RoleName=role), lambda: aws.iam.delete_role_policy(RoleName=role, PolicyName="own")
    )


def role_in_an_instance_profile(aws: Aws) -> Case:
    role, profile = aws.role("ec2.amazonaws.com").rpartition("/")[2], unique("profile")
    aws.iam.create_instance_profile(InstanceProfileName=profile)
    aws.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    return Case(
        lambda: aws.iam.delete_role(RoleName=role),
        lambda: aws.iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role),
    )


def attached_policy(aws: Aws) -> Case:
    role = aws.role("ec2.amazonaws.com").rpartition("/")[2]
    arn = aws.iam.create_policy(PolicyName=unique("policy"), PolicyDocument=POLICY)["Policy"]["Arn"]
    aws.iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return Case(
        lambda: aws.iam.delete_policy(PolicyArn=arn), lambda: aws.iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    )


def policy_with_versions(aws: Aws) -> Case:
    arn = aws.iam.create_policy(PolicyName=unique("policy"), PolicyDocument=POLICY)["Policy"]["Arn"]
    aws.iam.create_policy_version(PolicyArn=arn, PolicyDocument=POLICY)
    return Case(
        lambda: aws.iam.delete_policy(PolicyArn=arn),
        lambda: aws.iam.delete_policy_version(PolicyArn=arn, VersionId="v2"),
    )


def cluster_with_nodes(aws: Aws) -> Case:
    cluster = aws.cluster()
    nodes = aws.nodegroup(cluster)["nodegroupName"]
    return Case(
        lambda: aws.eks.delete_cluster(name=cluster["name"]),
        lambda: aws.eks.delete_nodegroup(clusterName=cluster["name"], nodegroupName=nodes),
    )


def protected_cluster(aws: Aws) -> Case:
    name = aws.cluster(deletionProtection=True)["name"]
    return Case(
        lambda: aws.eks.delete_cluster(name=name),
        lambda: aws.eks.update_cluster_config(name=name, deletionProtection=False),
    )


def protected_load_balancer(aws: Aws) -> Case:
    elb, arn = aws.client("elbv2"), balancer_in(aws, aws.network("a", "b"))

    def protect(on: str) -> None:
        attribute = {"Key": "deletion_protection.enabled", "Value": on}
        elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[attribute])

    protect("true")
    return Case(lambda: elb.delete_load_balancer(LoadBalancerArn=arn), lambda: protect("false"))


def target_group_of_a_listener(aws: Aws) -> Case:
    elb, network = aws.client("elbv2"), aws.network("a", "b")
    arn = balancer_in(aws, network)
    group = elb.create_target_group(Name=unique("tg"), Protocol="HTTP", Port=80, VpcId=network.vpc)["TargetGroups"][0][
        "TargetGroupArn"
    ]
    actions = [{"Type": "forward", "TargetGroupArn": group}]
    elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=actions)
    return Case(
        lambda: elb.delete_target_group(TargetGroupArn=group), lambda: elb.delete_load_balancer(LoadBalancerArn=arn)
    )


def repository_with_an_image(aws: Aws) -> Case:
    ecr, name = aws.client("ecr"), unique("repo")
    ecr.create_repository(repositoryName=name)
    manifest: Document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"digest": "sha256:" + "0" * 64},
        "layers": [],
    }
    ecr.put_image(repositoryName=name, imageManifest=json.dumps(manifest), imageTag="v1")
    return Case(
        lambda: ecr.delete_repository(repositoryName=name),
        lambda: ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v1"}]),
    )


def bucket_with_an_object(aws: Aws) -> Case:
    s3, name = aws.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_object(Bucket=name, Key="state", Body=b"-")
    return Case(lambda: s3.delete_bucket(Bucket=name), lambda: s3.delete_object(Bucket=name, Key="state"))


MANIFEST = "application/vnd.oci.image.manifest.v1+json"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})
VIOLATION = "DependencyViolation"
CASES: list[tuple[Callable[[Aws], Case], str, str]] = [
    (subnet_with_an_interface, VIOLATION, "The subnet 'subnet-"),
    (subnet_with_an_instance, VIOLATION, "The subnet 'subnet-"),
    (subnet_with_a_nat_gateway, VIOLATION, "The subnet 'subnet-"),
    (subnet_with_an_interface_endpoint, VIOLATION, "The subnet 'subnet-"),
    (lambda aws: subnet_with_a_load_balancer(aws, "application"), VIOLATION, "The subnet 'subnet-"),
    (lambda aws: subnet_with_a_load_balancer(aws, "network"), VIOLATION, "The subnet 'subnet-"),
    (subnet_with_a_classic_load_balancer, VIOLATION, "The subnet 'subnet-"),
    (subnet_with_a_cluster, VIOLATION, "The subnet 'subnet-"),
    (subnet_with_nodes, VIOLATION, "The subnet 'subnet-"),
    (vpc_with_a_subnet, VIOLATION, "The vpc 'vpc-"),
    (vpc_with_a_gateway, VIOLATION, "The vpc 'vpc-"),
    (vpc_with_a_security_group, VIOLATION, "The vpc 'vpc-"),
    (vpc_with_a_route_table, VIOLATION, "has dependencies and cannot be deleted"),
    (vpc_with_a_network_acl, VIOLATION, "The vpc 'vpc-"),
    (vpc_with_an_endpoint, VIOLATION, "The vpc 'vpc-"),
    (vpc_with_an_egress_only_gateway, VIOLATION, "The vpc 'vpc-"),
    (vpc_with_a_vpn_gateway, VIOLATION, "The vpc 'vpc-"),
    (route_table_of_a_subnet, VIOLATION, "The routeTable 'rtb-"),
    (group_of_an_interface, VIOLATION, "has a dependent object"),
    (group_of_a_load_balancer, VIOLATION, "has a dependent object"),
    (group_that_another_names, VIOLATION, "has a dependent object"),
    (gateway_with_a_mapped_address, VIOLATION, "has some mapped public address(es)"),
    (attached_gateway, VIOLATION, "is being utilized by"),
    (address_of_a_nat_gateway, "InvalidIPAddress.InUse", "is in use"),
    (attached_interface, "InvalidParameterValue", "is currently in use"),
    (attached_volume, "VolumeInUse", "is currently attached to"),
    (role_with_an_attached_policy, "DeleteConflict", "must detach all policies first"),
    (role_with_an_inline_policy, "DeleteConflict", "must delete policies first"),
    (role_in_an_instance_profile, "DeleteConflict", "must remove roles from instance profile first"),
    (attached_policy, "DeleteConflict", "Cannot delete a policy attached to entities"),
    (policy_with_versions, "DeleteConflict", "more than one version"),
    (cluster_with_nodes, "ResourceInUseException", "Cluster has nodegroups attached"),
    (protected_cluster, "InvalidRequestException", "has deletion protection enabled"),
    (protected_load_balancer, "OperationNotPermitted", "deletion protection is enabled"),
    (target_group_of_a_listener, "ResourceInUse", "is currently in use by a listener or a rule"),
    (repository_with_an_image, "RepositoryNotEmptyException", "cannot be deleted because it still contains images"),
    (bucket_with_an_object, "BucketNotEmpty", "The bucket you tried to delete is not empty"),
]


@pytest.mark.parametrize(("make", "code", "message"), CASES)
def test_it_is_refused_until_its_cause_is_gone(aws: Aws, make: Callable[[Aws], Case], code: str, message: str) -> None:
    case = make(aws)
    with refused(code, message):
        case.call()
    case.clear()
    case.call()


def test_the_default_group_goes_with_its_vpc_alone(aws: Aws) -> None:
    vpc = vpc_of(aws)
    (group,) = aws.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    with refused("CannotDelete", "cannot be deleted by a user"):
        aws.ec2.delete_security_group(GroupId=group["GroupId"])
    aws.ec2.delete_vpc(VpcId=vpc)
    with refused("InvalidGroup.NotFound"):
        aws.ec2.describe_security_groups(GroupIds=[group["GroupId"]])


def test_a_secondary_interface_is_left_free_when_its_instance_ends(aws: Aws) -> None:
    """As those of the VPC CNI are."""
    subnet = subnet_of(aws)
    eni, instance = interface_in(aws, subnet), instance_in(aws, subnet)
    aws.ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)
    aws.ec2.terminate_instances(InstanceIds=[instance])
    (left,) = aws.ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
    assert left["Status"] == "available"
    aws.ec2.delete_network_interface(NetworkInterfaceId=eni)


def test_the_group_of_a_cluster_stays_where_something_uses_it(aws: Aws) -> None:
    cluster = aws.cluster()
    network = cluster["resourcesVpcConfig"]
    group = network["clusterSecurityGroupId"]
    eni = interface_in(aws, network["subnetIds"][0], Groups=[group])
    aws.eks.delete_cluster(name=cluster["name"])
    assert group in aws.census()["security group"]
    aws.ec2.delete_network_interface(NetworkInterfaceId=eni)
    aws.ec2.delete_security_group(GroupId=group)


def test_the_interfaces_of_a_load_balancer_are_its_own(aws: Aws) -> None:
    network = aws.network("a", "b")
    arn = balancer_in(aws, network)
    found = aws.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])
    described = {eni["Description"] for eni in found["NetworkInterfaces"]}
    assert described == {f"ELB {arn.partition(':loadbalancer/')[2]}"}
    assert all(eni["RequesterManaged"] for eni in found["NetworkInterfaces"])
    with refused("InvalidParameterValue", "is currently in use"):
        aws.ec2.delete_network_interface(NetworkInterfaceId=found["NetworkInterfaces"][0]["NetworkInterfaceId"])


def test_only_the_end_of_a_nat_gateway_ends_the_association_of_its_address(aws: Aws) -> None:
    gateway, allocation = nat_gateway_in(aws, subnet_of(aws))

    def association() -> str | None:
        (address,) = aws.ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
        return address.get("AssociationId")

    held = association()
    with refused("AuthFailure", "You do not have permission to access the specified resource."):
        aws.ec2.disassociate_address(AssociationId=held)
    aws.ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert not association()
    with refused("InvalidAssociationID.NotFound"):
        aws.ec2.disassociate_address(AssociationId=held)
