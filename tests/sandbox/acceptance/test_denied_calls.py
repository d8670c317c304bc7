"""Refused calls in the words of AWS, of the SDK and of our own commands; and where their permissions belong."""

from __future__ import annotations

import json

import pytest

from infra.contract import names
from infra.stack_file import config_of
from permanent.settings import parse_file
from sandbox.acceptance import denied_calls
from sandbox.acceptance.denied_calls import Denied
from sandbox.checkout import Checkout
from tests.support.checkout import REPOSITORY

ROLE = "User: arn:aws:sts::123456789012:assumed-role/infra-fleet-deploy/i is"
ARN = "arn:aws:eks:eu-west-2:123456789012:cluster/acceptance"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            f"AccessDeniedException: {ROLE} not authorized to perform: eks:CreateAddon on resource: {ARN}",
            Denied("eks:CreateAddon", ARN),
        ),
        (
            (
                "UnauthorizedOperation: You are not authorized to perform this operation. "
                f"{ROLE} not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:::vpc/* because no "
                "identity-based policy allows the ec2:CreateVpc action. Encoded authorization failure message: Zm9v"
            ),
            Denied("ec2:CreateVpc", "arn:aws:ec2:::vpc/*"),
        ),
        (
            (
                "operation error Elastic Load Balancing v2: DescribeLoadBalancers, https response error 403, "
                "RequestID: 1, api error AccessDenied: no"
            ),
            Denied("elasticloadbalancing:DescribeLoadBalancers"),
        ),
        (
            "AccessDenied: the credentials lack ec2:DescribeVolumes (fleet teardown policy says what is needed)",
            Denied("ec2:DescribeVolumes"),
        ),
        (
            f"{ROLE} not authorized to perform: kms:Decrypt on the resource associated with this ciphertext",
            Denied("kms:Decrypt"),
        ),
    ],
)
def test_a_refused_call_is_found(text: str, found: Denied) -> None:
    assert denied_calls.find([text]) == (found,)


def test_other_errors_are_none() -> None:
    texts = [
        "operation error EKS: CreateCluster, api error ResourceInUseException: Cluster already exists",
        (
            "operation error EC2: DeleteVpc, api error DependencyViolation: in use, operation error IAM: GetRole, api "
            "error NoSuchEntity: no"
        ),
        "AccessDenied",
    ]
    assert denied_calls.find(texts) == ()


def test_each_call_is_named_once_with_the_resource_that_is_known() -> None:
    texts = [
        f"{ROLE} not authorized to perform: eks:CreateAddon on resource: {ARN}",
        "operation error EKS: CreateAddon, x, api error AccessDeniedException: no",
        "the credentials lack eks:CreateAddon (",
    ]
    assert denied_calls.find(texts) == (Denied("eks:CreateAddon", ARN),)


def test_a_permission_belongs_to_the_policy_that_has_it_or_most_of_its_service() -> None:
    layer = parse_file(config_of(Checkout(REPOSITORY).permanent_file))
    documents = denied_calls.documents(layer)[names.DEPLOY_ROLE]
    of_cluster = denied_calls.belongs_to("eks:CreateAddon", documents)
    assert of_cluster.startswith("infra-fleet-deploy-cluster: allows it")
    assert denied_calls.belongs_to("eks:CreateFargateProfile", documents).startswith("infra-fleet-deploy-cluster: has ")
    assert denied_calls.belongs_to("sqs:SendMessage", documents) == "no policy has sqs"


def test_an_action_with_a_wildcard_counts_and_a_denial_does_not() -> None:
    allows, denies = (
        json.dumps({"Statement": [{"Effect": effect, "Action": "s3:Get*", "Resource": "*"}]})
        for effect in ("Allow", "Deny")
    )
    assert denied_calls.belongs_to("s3:GetObject", {"a": allows}).startswith("a: allows it")
    assert denied_calls.belongs_to("s3:GetObject", {"a": denies}) == "no policy has s3"
