"""The census sees every kind that it names, and nothing that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from sandbox.account import census
from tests.sandbox.account.aws import Aws, unique

if TYPE_CHECKING:
    from collections.abc import Callable


def load_balancer(aws: Aws) -> str:
    network = aws.network()
    answer = aws.client("elbv2").create_load_balancer(Name=unique("alb"), Subnets=list(network.subnets))
    return answer["LoadBalancers"][0]["LoadBalancerArn"]


def classic_load_balancer(aws: Aws) -> str:
    name = unique("clb")
    listener = {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}
    aws.client("elb").create_load_balancer(
        LoadBalancerName=name, Listeners=[listener], AvailabilityZones=["eu-west-2a"]
    )
    return name


def target_group(aws: Aws) -> str:
    answer = aws.client("elbv2").create_target_group(
        Name=unique("tg"), Protocol="HTTP", Port=80, VpcId=aws.network().vpc, TargetType="ip"
    )
    return answer["TargetGroups"][0]["TargetGroupArn"]


def bucket(aws: Aws) -> str:
    name = unique("bucket")
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return name


def parameter(aws: Aws) -> str:
    name = unique("/parameter")
    aws.client("ssm").put_parameter(Name=name, Value="value", Type="String")
    return name


def endpoint(aws: Aws) -> str:
    answer = aws.ec2.create_vpc_endpoint(VpcId=aws.network().vpc, ServiceName="com.amazonaws.eu-west-2.s3")
    return answer["VpcEndpoint"]["VpcEndpointId"]


def policy(aws: Aws) -> str:
    document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    return aws.iam.create_policy(PolicyName=unique("policy"), PolicyDocument=document)["Policy"]["Arn"]


def oidc_provider(aws: Aws) -> str:
    answer = aws.iam.create_open_id_connect_provider(
        Url=f"https://{unique('oidc')}.example.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=[]
    )
    return answer["OpenIDConnectProviderArn"]


def gateway(aws: Aws) -> str:
    return aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]


def alias(aws: Aws) -> str:
    name = f"alias/{unique('key')}"
    kms = aws.client("kms")
    kms.create_alias(AliasName=name, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    return name


def budget(aws: Aws) -> str:
    name = unique("budget")
    limit = {"Amount": "20", "Unit": "USD"}
    aws.client("budgets").create_budget(
        AccountId=aws.account.account_id,
        Budget={"BudgetName": name, "BudgetType": "COST", "TimeUnit": "DAILY", "BudgetLimit": limit},
    )
    return name


def log_group(aws: Aws) -> str:
    name = unique("/group")
    aws.client("logs").create_log_group(logGroupName=name)
    return name


def snapshot(aws: Aws) -> str:
    volume = aws.ec2.create_volume(Size=1, AvailabilityZone=f"{aws.region}a")["VolumeId"]
    return aws.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]


MAKERS: dict[str, Callable[[Aws], Any]] = {
    "internet gateway": gateway,
    "address": lambda aws: aws.ec2.allocate_address(Domain="vpc")["AllocationId"],
    "launch template": lambda aws: aws.launch_template()["LaunchTemplateId"],
    "VPC endpoint": endpoint,
    "snapshot": snapshot,
    "IAM role": lambda aws: aws.role("eks.amazonaws.com"),
    "IAM policy": policy,
    "OIDC provider": oidc_provider,
    "load balancer": load_balancer,
    "classic load balancer": classic_load_balancer,
    "target group": target_group,
    "ECR repository": lambda aws: aws.client("ecr").create_repository(repositoryName=unique("repo"))["repository"][
        "repositoryArn"
    ],
    "log group": log_group,
    "SSM parameter": parameter,
    "S3 bucket": bucket,
    "KMS alias": alias,
    "budget": budget,
    "KMS key": lambda aws: aws.client("kms").create_key()["KeyMetadata"]["KeyId"],
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_new_resource_is_counted_under_its_kind(aws: Aws, kind: str) -> None:
    assert MAKERS[kind](aws) in aws.census()[kind]


def test_the_parts_of_a_node_group_and_a_cluster_are_counted(aws: Aws) -> None:
    before = aws.census()
    cluster = aws.cluster()
    aws.nodegroup(cluster)
    aws.eks.create_addon(clusterName=cluster["name"], addonName="vpc-cni")
    role = aws.role("pods.eks.amazonaws.com")
    aws.eks.create_pod_identity_association(
        clusterName=cluster["name"], namespace="a", serviceAccount="b", roleArn=role
    )
    after = aws.census()

    more = {kind: len(after[kind]) - len(before[kind]) for kind in after if after[kind] != before[kind]}
    assert more == {
        "VPC": 1,
        "subnet": 2,
        "route table": 1,
        "security group": 2,
        "network interface": 4,
        "instance": 2,
        "volume": 2,
        "launch template": 1,
        "IAM role": 3,
        "instance profile": 1,
        "EKS cluster": 1,
        "EKS node group": 1,
        "EKS add-on": 1,
        "EKS access entry": 1,
        "EKS pod identity association": 1,
        "Auto Scaling group": 1,
    }
    assert f"{cluster['name']}/vpc-cni" in after["EKS add-on"]


def test_a_key_that_is_to_be_deleted_is_not_counted(aws: Aws) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert key not in aws.census()["KMS key"]


def test_what_aws_brings_into_every_account_is_not_counted(aws: Aws) -> None:
    census = aws.census()
    assert [name for name in census["KMS alias"] if name.startswith("alias/aws/")] == []
    assert [name for name in census["SSM parameter"] if name.startswith("/aws/")] == []


def test_a_listing_of_several_pages_is_read_to_its_end(aws: Aws) -> None:
    names = [parameter(aws) for _ in range(55)]  # DescribeParameters returns 50 at most
    assert set(names) <= set(aws.census()["SSM parameter"])


def test_a_call_that_fails_is_no_empty_list(aws: Aws) -> None:
    with pytest.raises(EndpointConnectionError):
        census.take("http://127.0.0.1:9", aws.region)


def test_an_error_of_the_service_is_no_empty_list(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        census.KINDS, "EKS node group", census.Kind("eks", "list_nodegroups", "x", {"clusterName": "none"})
    )
    with pytest.raises(ClientError):
        aws.census()


def deep(aws: Aws) -> dict[str, dict[str, str]]:
    return census.take_deep(aws.account.endpoint, aws.region)


def test_a_deep_census_has_the_same_things_and_is_the_same_until_something_changes(aws: Aws) -> None:
    cluster = aws.cluster()
    aws.nodegroup(cluster)
    aws.eks.create_addon(clusterName=cluster["name"], addonName="vpc-cni")
    for make in MAKERS.values():
        make(aws)
    found = deep(aws)
    assert {kind: tuple(sorted(things)) for kind, things in found.items()} == aws.census()
    assert deep(aws) == found


TAG = {"Key": "touched", "Value": "yes"}
CHANGES: dict[str, Callable[[Aws, str], Any]] = {
    "launch template": lambda aws, key: aws.ec2.create_tags(Resources=[key], Tags=[TAG]),
    "VPC endpoint": lambda aws, key: aws.ec2.create_tags(Resources=[key], Tags=[TAG]),
    "address": lambda aws, key: aws.ec2.create_tags(Resources=[key], Tags=[TAG]),
    "snapshot": lambda aws, key: aws.ec2.create_tags(Resources=[key], Tags=[TAG]),
    "IAM role": lambda aws, key: aws.iam.tag_role(RoleName=key.rpartition("/")[2], Tags=[TAG]),
    "OIDC provider": lambda aws, key: aws.iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=key, Tags=[TAG]),
    "load balancer": lambda aws, key: aws.client("elbv2").add_tags(ResourceArns=[key], Tags=[TAG]),
    "target group": lambda aws, key: aws.client("elbv2").add_tags(ResourceArns=[key], Tags=[TAG]),
    "classic load balancer": lambda aws, key: aws.client("elb").add_tags(LoadBalancerNames=[key], Tags=[TAG]),
    "log group": lambda aws, key: aws.client("logs").tag_log_group(logGroupName=key, tags={"touched": "yes"}),
}


def test_a_deep_census_sees_each_tag_that_was_added_and_nothing_else(aws: Aws) -> None:
    made = {kind: MAKERS[kind](aws) for kind in CHANGES}
    before = deep(aws)
    for kind, change in CHANGES.items():
        change(aws, made[kind])
    after = deep(aws)
    changed = {(each, one) for each, things in after.items() for one in things if before[each][one] != things[one]}
    assert changed == set(made.items())


def test_a_deep_census_sees_a_rule_that_was_revoked(aws: Aws) -> None:
    group = aws.ec2.create_security_group(GroupName="a", Description="-", VpcId=aws.network("a").vpc)["GroupId"]
    before = deep(aws)["security group"]
    rules = aws.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    aws.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules)
    after = deep(aws)["security group"]
    assert [key for key in after if after[key] != before[key]] == [group]


def test_each_region_has_its_own_census(aws: Aws) -> None:
    other = Aws(aws.account, "eu-west-1")
    before, there = deep(aws), deep(other)
    group = log_group(other)
    assert group in deep(other)["log group"]
    assert group not in there["log group"]
    assert deep(aws) == before
