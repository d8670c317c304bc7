"""The boundary lets the roles of a stack do their work, and no more, whatever the deploy role attaches to them."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from infra import cluster, launch_templates, nodes, policy_documents, workload_identity
from infra.contract import names
from tests.permanent.example import ACCOUNT, BOUNDARY, BOUNDARY_ARN, CLUSTERS, DEPLOY, REGION
from tests.support.iam import Request, Value, allows, allows_action, statements, values

if TYPE_CHECKING:
    from collections.abc import Mapping

ADMINISTRATOR = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
HERE = {"aws:RequestedRegion": REGION}

ATTACHED = {
    cluster.CLUSTER_POLICY,
    workload_identity.CNI_POLICY,
    workload_identity.EBS_CSI_POLICY,
    launch_templates.SESSION_MANAGER_POLICY,
    *nodes.WORKER_POLICIES.values(),
}
"""What AWS manages and the stack attaches."""

CUT: Mapping[str, str] = {
    "autoscaling:UpdateAutoScalingGroup": "of AmazonEKSClusterPolicy; the cluster role that EKS documents has it not",
    "ec2:CreateRoute": "as above: routes to pods, which the VPC CNI needs not",
    "ec2:DeleteRoute": "as above",
    "ec2:ModifyInstanceAttribute": "as above: it would change the user data of any instance of the account",
}
"""Actions of the policies of a stack's roles that its boundary leaves out, and why (EKS user guide, Amazon EKS cluster
IAM role: the policy that may stand in for AmazonEKSClusterPolicy)."""


def managed(arn: str) -> str:
    """The text of a policy that AWS manages, as moto ships it."""
    known: dict[str, Any] = json.loads(aws_managed_policies_data)
    return json.dumps(known[arn.rpartition("/")[2]]["Document"])


USED = {arn: managed(arn) for arn in sorted(ATTACHED)} | {
    "load-balancer-controller": policy_documents.document("load-balancer-controller", cluster="staging"),
    "image-reflector-controller": policy_documents.document("image-reflector-controller", repositories=["arn"]),
}
WANTED = {
    action for document in USED.values() for statement in statements(document) for action in values(statement["Action"])
}


def test_the_stack_attaches_what_the_deploy_role_may_attach() -> None:
    (attach,) = (
        statement
        for document in DEPLOY
        for statement in statements(document)
        if "iam:AttachRolePolicy" in statement["Action"]
    )
    allowed = attach["Condition"]["ArnLike"]["iam:PolicyARN"]
    assert {arn for arn in allowed if arn.startswith("arn:aws:iam::aws:")} == ATTACHED
    own = {arn for arn in allowed if not arn.startswith("arn:aws:iam::aws:")}
    assert own == {f"arn:aws:iam::{ACCOUNT}:policy{names.iam_path(name)}*" for name in CLUSTERS}


def test_every_action_of_the_policies_is_within_the_boundary_or_cut_with_a_reason() -> None:
    assert not {action for action in WANTED if "*" in action}
    assert {action for action in WANTED if not allows_action([BOUNDARY], action)} == set(CUT)


def test_the_boundary_holds_no_action_that_no_policy_has() -> None:
    bounds = {action for statement in statements(BOUNDARY) for action in statement["Action"]}
    assert not {bound for bound in bounds if not any(fnmatchcase(action, bound) for action in WANTED)}


def tagging(*keys: str) -> Mapping[str, Value]:
    return {**HERE, "aws:TagKeys": keys}


PUBLIC = f"arn:aws:ssm:{REGION}::parameter/aws/service/eks/optimized-ami"
WORK: Mapping[str, Request] = {
    "make an interface": Request("ec2:CreateNetworkInterface", context=HERE),
    "tag an interface for the cluster": Request("ec2:CreateTags", context=tagging("cluster.k8s.amazonaws.com/name")),
    "make a volume": Request("ec2:CreateVolume", context=HERE),
    "make a load balancer": Request("elasticloadbalancing:CreateLoadBalancer", context=HERE),
    "see instances": Request("ec2:DescribeInstances", context=HERE),
    "pull an image": Request("ecr:BatchGetImage", context=HERE),
    "hold a session of Session Manager": Request("ssmmessages:OpenDataChannel", context=HERE),
    "read a public parameter": Request("ssm:GetParameter", PUBLIC, HERE),
    "hand a pod its identity": Request(
        "eks-auth:AssumeRoleForPodIdentity", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/staging", HERE
    ),
    "make the load balancers' service-linked role": Request(
        "iam:CreateServiceLinkedRole",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRole",
        {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"},
    ),
}

STATE = f"arn:aws:s3:::{names.state_bucket(ACCOUNT, REGION)}/.pulumi/stacks/infra-fleet/staging.json"
MISUSE: Mapping[str, Request] = {
    "read a secret": Request(
        "ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{names.GRAFANA_ADMIN_PASSWORD}", HERE
    ),
    "read the secrets by path": Request("ssm:GetParametersByPath", context=HERE),
    "overwrite a secret": Request("ssm:PutParameter", context=HERE),
    "run a command on an instance": Request("ssm:SendCommand", context=HERE),
    "open a session on an instance": Request("ssm:StartSession", context=HERE),
    "read the state": Request("s3:GetObject", STATE, HERE),
    "write the state": Request("s3:PutObject", STATE, HERE),
    "decrypt the state": Request("kms:Decrypt", context={**HERE, "kms:ResourceAliases": [names.STATE_KEY_ALIAS]}),
    "become another role": Request("sts:AssumeRole", names.role_arn(ACCOUNT, names.DEPLOY_ROLE)),
    "make a role": Request("iam:CreateRole", context={"iam:PermissionsBoundary": BOUNDARY_ARN}),
    "pass a role": Request("iam:PassRole", context={"iam:PassedToService": "ec2.amazonaws.com"}),
    "attach a policy": Request("iam:AttachRolePolicy"),
    "take its boundary away": Request("iam:DeleteRolePermissionsBoundary"),
    "rewrite the boundary": Request("iam:CreatePolicyVersion", BOUNDARY_ARN),
    "make a user's access key": Request("iam:CreateAccessKey"),
    "make a service-linked role of another service": Request(
        "iam:CreateServiceLinkedRole",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/organizations.amazonaws.com/AWSServiceRole",
        {"iam:AWSServiceName": "organizations.amazonaws.com"},
    ),
    "launch an instance": Request("ec2:RunInstances", context=HERE),
    "end an instance": Request("ec2:TerminateInstances", context=HERE),
    "change an instance's user data": Request("ec2:ModifyInstanceAttribute", context=HERE),
    "give an instance another profile": Request("ec2:AssociateIamInstanceProfile", context=HERE),
    "delete a VPC": Request("ec2:DeleteVpc", context=HERE),
    "change a route": Request("ec2:ReplaceRoute", context=HERE),
    "claim a resource by the stack's tag": Request("ec2:CreateTags", context=tagging("Name", "project")),
    "tag a resource of another region": Request("ec2:CreateTags", context={"aws:RequestedRegion": "us-east-1"}),
    "make a volume in another region": Request("ec2:CreateVolume", context={"aws:RequestedRegion": "us-east-1"}),
    "delete the cluster": Request("eks:DeleteCluster", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/staging", HERE),
    "admit itself to the cluster": Request("eks:CreateAccessEntry", context=HERE),
    "hand a pod of another cluster its identity": Request(
        "eks-auth:AssumeRoleForPodIdentity", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/staging-3", HERE
    ),
    "push an image": Request("ecr:PutImage", context=HERE),
    "delete an image": Request("ecr:BatchDeleteImage", context=HERE),
    "delete the permanent log group": Request("logs:DeleteLogGroup", context=HERE),
    "run a function": Request("lambda:CreateFunction", context=HERE),
    "build a stack of CloudFormation": Request("cloudformation:CreateStack", context=HERE),
}


@pytest.mark.parametrize("deed", WORK)
def test_a_role_of_the_stack_may_when_its_policies_let_it(deed: str) -> None:
    assert allows([ADMINISTRATOR], WORK[deed], boundary=BOUNDARY)
    assert not allows([], WORK[deed], boundary=BOUNDARY)


@pytest.mark.parametrize("deed", MISUSE)
def test_a_role_of_the_stack_must_not_even_as_an_administrator(deed: str) -> None:
    assert allows([ADMINISTRATOR], MISUSE[deed])
    assert not allows([ADMINISTRATOR], MISUSE[deed], boundary=BOUNDARY)
