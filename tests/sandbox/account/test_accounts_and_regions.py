"""Other accounts and regions than the stack's, and what AWS brings into each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.sandbox.account.aws import Aws, unique

if TYPE_CHECKING:
    from sandbox.account.process import Account


def test_an_unknown_key_acts_in_the_account_of_the_stack(aws: Aws) -> None:
    assert aws.client("sts").get_caller_identity()["Account"] == "111122223333"
    assert ":111122223333:" in aws.role("eks.amazonaws.com")


def test_a_role_assumed_in_another_account_acts_there(aws: Aws, account: Account) -> None:
    answer = aws.client("sts").assume_role(RoleArn="arn:aws:iam::444455556666:role/visitor", RoleSessionName="session")
    key = answer["Credentials"]
    session: Any = boto3.Session(
        key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], region_name="eu-west-2"
    )
    name = unique("visited")
    session.client("iam", endpoint_url=account.endpoint).create_role(RoleName=name, AssumeRolePolicyDocument="{}")

    there = session.client("iam", endpoint_url=account.endpoint).get_role(RoleName=name)["Role"]["Arn"]
    assert there == f"arn:aws:iam::444455556666:role/{name}"
    assert session.client("sts", endpoint_url=account.endpoint).get_caller_identity()["Account"] == "444455556666"
    with pytest.raises(aws.iam.exceptions.NoSuchEntityException):
        aws.iam.get_role(RoleName=name)


def test_clusters_of_another_region_are_apart(aws: Aws, account: Account) -> None:
    elsewhere = Aws(account, "eu-central-1")
    cluster = elsewhere.cluster()

    assert cluster["arn"].startswith("arn:aws:eks:eu-central-1:111122223333:cluster/")
    assert cluster["name"] not in aws.eks.list_clusters()["clusters"]


@pytest.mark.parametrize(
    "policy",
    [
        "AmazonEBSCSIDriverPolicyV2",
        "AmazonEKS_CNI_Policy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKSClusterPolicy",
        "AmazonSSMManagedInstanceCore",
    ],
)
def test_the_managed_policies_of_the_stack_exist(aws: Aws, policy: str) -> None:
    arn = f"arn:aws:iam::aws:policy/{policy}"
    assert aws.iam.get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn
