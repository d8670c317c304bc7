"""No role gets more than it was given by a known way: each published method, against each role.

The methods are those that Rhino Security Labs published as AWS IAM privilege escalation methods, those of Bishop Fox
after it, and the ways around a permissions boundary. A method is all its steps: where one is refused, so is it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.contract import names
from tests.permanent.example import ACCOUNT, BOUNDARY, BOUNDARY_ARN, DEPLOY, PREVIEW, PUSH, REGION
from tests.support.iam import Request, Value, allows
from tests.support.iam_reference import actions

if TYPE_CHECKING:
    from collections.abc import Mapping

ADMIN_ROLE, ADMIN_USER = f"arn:aws:iam::{ACCOUNT}:role/admin", f"arn:aws:iam::{ACCOUNT}:user/admin"
GROUP = f"arn:aws:iam::{ACCOUNT}:group/admins"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
BOUNDED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/infra-fleet/staging/node-1"
BOUNDED_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/infra-fleet/staging/reads"
BOUNDED = {"iam:PermissionsBoundary": BOUNDARY_ARN}
INSTANCE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"
HERE = {"aws:RequestedRegion": REGION}

ADMINISTRATOR = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
PRINCIPALS: Mapping[str, tuple[tuple[str, ...], str | None, str]] = {
    "preview": (PREVIEW, None, names.PREVIEW_ROLE),
    "deploy": (DEPLOY, None, names.DEPLOY_ROLE),
    "push": (PUSH, None, names.PUSH_ROLE),
    "a role of a stack with AdministratorAccess": ((ADMINISTRATOR,), BOUNDARY, "infra-fleet/staging/node-1"),
}
"""Name → its policies, its boundary, its role."""


def step(action: str, resource: str = "*", context: Mapping[str, Value] | None = None) -> Request:
    return Request(action, resource, {**HERE, **(context or {})})


def passing(service: str) -> Request:
    """Pass a role that may do everything."""
    return step("iam:PassRole", ADMIN_ROLE, {"iam:PassedToService": f"{service}.amazonaws.com"})


def methods(self_role: str) -> dict[str, tuple[Request, ...]]:
    """Name → steps, for a role that would raise itself."""
    me = names.role_arn(ACCOUNT, self_role)
    mine = names.policy_arn(ACCOUNT, self_role)
    others = {"aws:ResourceTag/project": "payments"}
    return {
        "CreatePolicyVersion": (step("iam:CreatePolicyVersion", mine),),
        "SetDefaultPolicyVersion": (step("iam:SetDefaultPolicyVersion", mine),),
        "PassRole and RunInstances": (passing("ec2"), step("ec2:RunInstances", INSTANCE)),
        "CreateAccessKey": (step("iam:CreateAccessKey", ADMIN_USER),),
        "CreateLoginProfile": (step("iam:CreateLoginProfile", ADMIN_USER),),
        "UpdateLoginProfile": (step("iam:UpdateLoginProfile", ADMIN_USER),),
        "AttachUserPolicy": (step("iam:AttachUserPolicy", ADMIN_USER, {"iam:PolicyARN": ADMINISTRATOR_ACCESS}),),
        "AttachGroupPolicy": (step("iam:AttachGroupPolicy", GROUP, {"iam:PolicyARN": ADMINISTRATOR_ACCESS}),),
        "AttachRolePolicy": (step("iam:AttachRolePolicy", me, {"iam:PolicyARN": ADMINISTRATOR_ACCESS, **BOUNDED}),),
        "PutUserPolicy": (step("iam:PutUserPolicy", ADMIN_USER),),
        "PutGroupPolicy": (step("iam:PutGroupPolicy", GROUP),),
        "PutRolePolicy": (step("iam:PutRolePolicy", me, BOUNDED),),
        "AddUserToGroup": (step("iam:AddUserToGroup", GROUP),),
        "UpdateAssumeRolePolicy": (step("iam:UpdateAssumeRolePolicy", ADMIN_ROLE),),
        "AssumeRole": (step("sts:AssumeRole", ADMIN_ROLE),),
        "PassRole and Lambda": (
            passing("lambda"),
            step("lambda:CreateFunction"),
            step("lambda:InvokeFunction"),
        ),
        "PassRole and Lambda, called by an event": (
            passing("lambda"),
            step("lambda:CreateFunction"),
            step("lambda:CreateEventSourceMapping"),
        ),
        "Lambda's code": (step("lambda:UpdateFunctionCode"),),
        "Lambda's layers": (step("lambda:UpdateFunctionConfiguration"),),
        "PassRole and Glue": (passing("glue"), step("glue:CreateDevEndpoint")),
        "Glue's endpoint": (step("glue:UpdateDevEndpoint"),),
        "PassRole and CloudFormation": (passing("cloudformation"), step("cloudformation:CreateStack")),
        "PassRole and Data Pipeline": (
            passing("datapipeline"),
            step("datapipeline:CreatePipeline"),
            step("datapipeline:PutPipelineDefinition"),
        ),
        "PassRole and SageMaker": (
            passing("sagemaker"),
            step("sagemaker:CreateNotebookInstance"),
            step("sagemaker:CreatePresignedNotebookInstanceUrl"),
        ),
        "SageMaker's notebook": (step("sagemaker:CreatePresignedNotebookInstanceUrl"),),
        "PassRole and ECS": (passing("ecs-tasks"), step("ecs:RegisterTaskDefinition"), step("ecs:RunTask")),
        "PassRole and CodeBuild": (passing("codebuild"), step("codebuild:CreateProject"), step("codebuild:StartBuild")),
        "a session on another's instance": (step("ssm:StartSession", INSTANCE, others),),
        "a command on another's instance": (step("ssm:SendCommand", INSTANCE, others),),
        "a key on another's instance": (step("ec2-instance-connect:SendSSHPublicKey", INSTANCE, others),),
        "the user data of another's instance": (
            step("ec2:StopInstances", INSTANCE, others),
            step("ec2:ModifyInstanceAttribute", INSTANCE, others),
            step("ec2:StartInstances", INSTANCE, others),
        ),
        "another profile for an instance": (passing("ec2"), step("ec2:AssociateIamInstanceProfile", INSTANCE)),
        "another role in an instance profile": (
            passing("ec2"),
            step("iam:AddRoleToInstanceProfile", f"arn:aws:iam::{ACCOUNT}:instance-profile/infra-fleet/staging/a"),
        ),
        "PassRole and Pod Identity": (
            passing("pods.eks"),
            step("eks:CreatePodIdentityAssociation", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/staging"),
        ),
        "PassRole and a node group": (
            passing("eks"),
            step("eks:CreateNodegroup", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/staging"),
        ),
        "a new role without the boundary": (step("iam:CreateRole", BOUNDED_ROLE),),
        "the boundary taken away": (step("iam:DeleteRolePermissionsBoundary", BOUNDED_ROLE, BOUNDED),),
        "a boundary of its own": (
            step("iam:PutRolePermissionsBoundary", BOUNDED_ROLE, {"iam:PermissionsBoundary": BOUNDED_POLICY}),
        ),
        "the boundary rewritten": (step("iam:CreatePolicyVersion", BOUNDARY_ARN),),
        "the boundary deleted and made again": (
            step("iam:DeletePolicy", BOUNDARY_ARN),
            step("iam:CreatePolicy", BOUNDARY_ARN),
        ),
        "the identity provider of GitHub": (
            step(
                "iam:AddClientIDToOpenIDConnectProvider",
                f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
                {"aws:ResourceTag/project": "infra-fleet"},
            ),
        ),
        "an identity provider that another role trusts": (
            step(
                "iam:CreateOpenIDConnectProvider",
                f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com",
                {"aws:RequestTag/project": "infra-fleet"},
            ),
        ),
    }


CASES = [(principal, method) for principal, (_, _, role) in PRINCIPALS.items() for method in methods(role)]


@pytest.mark.parametrize(("principal", "method"), CASES)
def test_no_role_raises_itself(principal: str, method: str) -> None:
    documents, boundary, role = PRINCIPALS[principal]
    steps = methods(role)[method]
    assert allows([ADMINISTRATOR], *steps)
    assert not allows(documents, *steps, boundary=boundary)


def test_every_step_is_an_action_that_exists() -> None:
    named = {request.action for steps in methods(names.DEPLOY_ROLE).values() for request in steps}
    assert {action for action in named if action.lower() not in actions()} == set()


@pytest.mark.parametrize(
    "request_",
    [
        step("iam:CreatePolicyVersion", BOUNDED_POLICY),
        step("iam:AttachRolePolicy", BOUNDED_ROLE, {**BOUNDED, "iam:PolicyARN": BOUNDED_POLICY}),
        step("iam:UpdateAssumeRolePolicy", BOUNDED_ROLE),
        step("iam:PassRole", BOUNDED_ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
    ],
    ids=lambda request: request.action,
)
def test_what_the_deploy_role_may_do_of_these_ends_at_a_role_within_the_boundary(request_: Request) -> None:
    """It may write any policy onto a role of a stack, and become it: the cases above say what such a role may."""
    assert allows(DEPLOY, request_)
    elsewhere = Request(request_.action, request_.resource.replace("/infra-fleet/staging/", "/"), request_.context)
    assert not allows(DEPLOY, elsewhere)


def test_no_role_is_reachable_but_from_its_subject() -> None:
    """None may assume another: a session is had from the identity provider alone."""
    for documents in (PREVIEW, DEPLOY, PUSH):
        for role in (names.PREVIEW_ROLE, names.DEPLOY_ROLE, names.PUSH_ROLE):
            assert not allows(documents, step("sts:AssumeRole", names.role_arn(ACCOUNT, role)))
