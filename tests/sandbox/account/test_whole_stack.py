"""A stack like the project's, made and taken down call by call: the account is as it was."""

from __future__ import annotations

import json
from contextlib import ExitStack

from tests.sandbox.account.aws import Aws, unique

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def test_a_stack_that_is_destroyed_in_order_leaves_the_census_as_it_was(aws: Aws) -> None:
    operator = aws.role("ec2.amazonaws.com")
    before = aws.census()
    with ExitStack() as undo:
        build(aws, undo, operator)
        assert aws.census() != before
    assert aws.census() == before


def build(aws: Aws, undo: ExitStack, operator: str) -> None:
    """Make the stack, and let `undo` take it down in the reverse order."""
    private, routes = build_network(aws, undo)
    cluster_role = role(aws, undo, "eks.amazonaws.com", "AmazonEKSClusterPolicy")
    node_role = role(aws, undo, "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
    pod_role = role(aws, undo, "pods.eks.amazonaws.com")
    cluster = aws.cluster(resourcesVpcConfig={"subnetIds": private}, roleArn=cluster_role)
    name = cluster["name"]
    undo.callback(aws.eks.delete_cluster, name=name)
    provider = aws.iam.create_open_id_connect_provider(
        Url=cluster["identity"]["oidc"]["issuer"], ClientIDList=["sts.amazonaws.com"], ThumbprintList=[]
    )["OpenIDConnectProviderArn"]
    undo.callback(aws.iam.delete_open_id_connect_provider, OpenIDConnectProviderArn=provider)
    aws.eks.create_access_entry(clusterName=name, principalArn=operator)
    aws.eks.associate_access_policy(
        clusterName=name, principalArn=operator, policyArn=ADMIN, accessScope={"type": "cluster"}
    )
    aws.eks.create_pod_identity_association(
        clusterName=name, namespace="flux-system", serviceAccount="image-reflector-controller", roleArn=pod_role
    )
    for addon in ("vpc-cni", "kube-proxy", "coredns", "aws-ebs-csi-driver"):
        aws.eks.create_addon(clusterName=name, addonName=addon)
    template = aws.launch_template()["LaunchTemplateId"]
    undo.callback(aws.ec2.delete_launch_template, LaunchTemplateId=template)
    nodegroup = aws.nodegroup(cluster, nodeRole=node_role, launchTemplate={"id": template, "version": "1"})
    undo.callback(aws.eks.delete_nodegroup, clusterName=name, nodegroupName=nodegroup["nodegroupName"])
    endpoint = aws.ec2.create_vpc_endpoint(
        VpcId=cluster["resourcesVpcConfig"]["vpcId"],
        ServiceName="com.amazonaws.eu-west-2.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=routes,
    )["VpcEndpoint"]["VpcEndpointId"]
    undo.callback(aws.ec2.delete_vpc_endpoints, VpcEndpointIds=[endpoint])


def build_network(aws: Aws, undo: ExitStack) -> tuple[list[str], list[str]]:
    """VPC, gateways and subnets; returns private subnets and route tables."""
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    undo.callback(aws.ec2.delete_vpc, VpcId=vpc)
    gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    undo.callback(aws.ec2.delete_internet_gateway, InternetGatewayId=gateway)
    aws.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    undo.callback(aws.ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    subnets: list[str] = []
    for index in range(4):
        zone = "eu-west-2a" if index % 2 else "eu-west-2b"
        subnet = aws.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index * 16}.0/20", AvailabilityZone=zone)
        subnets.append(subnet["Subnet"]["SubnetId"])
        undo.callback(aws.ec2.delete_subnet, SubnetId=subnets[-1])
    address = aws.ec2.allocate_address(Domain="vpc")["AllocationId"]
    undo.callback(aws.ec2.release_address, AllocationId=address)
    nat = aws.ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    undo.callback(aws.ec2.delete_nat_gateway, NatGatewayId=nat)
    routes: list[str] = []
    for subnet, target in ((subnets[0], {"GatewayId": gateway}), (subnets[2], {"NatGatewayId": nat})):
        table = aws.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        undo.callback(aws.ec2.delete_route_table, RouteTableId=table)
        aws.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        association = aws.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
        undo.callback(aws.ec2.disassociate_route_table, AssociationId=association)
        routes.append(table)
    return subnets[2:], routes


def role(aws: Aws, undo: ExitStack, service: str, *managed: str) -> str:
    """A role with a policy of its own and AWS's."""
    arn = aws.role(service, path="/infra-fleet/staging/")
    name = arn.rpartition("/")[2]
    undo.callback(aws.remove_role, arn)
    statement = {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}
    own = aws.iam.create_policy(
        PolicyName=unique("policy"), PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )["Policy"]["Arn"]
    undo.callback(aws.iam.delete_policy, PolicyArn=own)
    for policy in (own, *(f"arn:aws:iam::aws:policy/{one}" for one in managed)):
        aws.iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        undo.callback(aws.iam.detach_role_policy, RoleName=name, PolicyArn=policy)
    return arn
