"""Each type that the stack makes can be found, by calls that the role may make, in the form that pulumi-aws imports."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pulumi_aws
import pytest

from common.errors import UnknownError
from teardown.recovery.finders import FINDERS, SECRET, Wanted
from tests.infra.golden import CONFIGS
from tests.permanent.example import DEPLOY
from tests.support import recorder
from tests.support.iam import allows_action

FORMS = {
    "aws:ec2/vpc:Vpc": r"vpc-\w+",
    "aws:ec2/subnet:Subnet": r"subnet-\w+",
    "aws:ec2/internetGateway:InternetGateway": r"igw-\w+",
    "aws:ec2/routeTable:RouteTable": r"rtb-\w+",
    "aws:ec2/route:Route": r"rtb-\w+_[\d./]+",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": r"subnet-\w+/rtb-\w+",
    "aws:ec2/eip:Eip": r"eipalloc-\w+",
    "aws:ec2/natGateway:NatGateway": r"nat-\w+",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": r"sg-\w+",
    "aws:ec2/vpcEndpoint:VpcEndpoint": r"vpce-\w+",
    "aws:ec2/securityGroup:SecurityGroup": r"sg-\w+",
    "aws:ec2/launchTemplate:LaunchTemplate": r"lt-\w+",
    "aws:ec2/instance:Instance": r"i-\w+",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": r"sgr-\w+",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": r"sgr-\w+",
    "aws:iam/role:Role": r"[\w-]+",
    "aws:iam/policy:Policy": r"arn:aws:iam::\d{12}:policy/[\w/-]+",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": r"[\w-]+/arn:aws:iam::\w+:policy/[\w/-]+",
    "aws:iam/instanceProfile:InstanceProfile": r"[\w-]+",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": r"arn:aws:iam::\d{12}:oidc-provider/[\w./-]+",
    "aws:eks/cluster:Cluster": r"[\w-]+",
    "aws:eks/nodeGroup:NodeGroup": r"[\w-]+:[\w-]+",
    "aws:eks/addon:Addon": r"[\w-]+:[\w-]+",
    "aws:eks/accessEntry:AccessEntry": r"[\w-]+:arn:aws:iam::\d{12}:role/[\w/-]+",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": r"[\w-]+#arn:aws:iam::\d{12}:role/[^#]+#arn:aws:eks::.+",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": r"[\w-]+,a-\w+",
}
"""Type → the form of the id. That the ids which are found have it, tests/engine/test_recovery.py holds."""


def test_there_is_one_for_each_type_that_the_program_makes() -> None:
    made = {
        entry.type
        for config in CONFIGS.values()
        for entry in recorder.run_stack(config, preview=False).registrations.values()
        if entry.custom and not entry.type.startswith("pulumi:")
    }
    assert set(FINDERS) == made == set(FORMS)


@pytest.mark.parametrize("kind", FORMS)
def test_the_form_is_the_one_that_pulumi_aws_documents(kind: str) -> None:
    """The section "Import" of the installed SDK."""
    module, _, name = kind.removeprefix("aws:").partition(":")
    source = Path(inspect.getfile(getattr(getattr(pulumi_aws, module.partition("/")[0]), name))).read_text("utf-8")
    documented = re.findall(rf"pulumi import {re.escape(kind)} \w+ (\S+)", source)
    # One page has an account of x's.
    assert any(re.fullmatch(FORMS[kind], each.replace("x" * 12, "1" * 12)) for each in documented), documented


@pytest.mark.parametrize(("kind", "finder"), FINDERS.items(), ids=list(FINDERS))
def test_the_deploy_role_may_look(kind: str, finder: object) -> None:
    for action in FINDERS[kind].actions:
        assert allows_action(DEPLOY, action), action


def wanted(**inputs: object) -> Wanted:
    return Wanted("111122223333", "staging", inputs)


@pytest.mark.parametrize("tags", [{}, {"cluster": "staging-2"}, {"Name": "staging"}])
def test_tags_that_do_not_name_the_cluster_fit_nothing(tags: dict[str, str]) -> None:
    with pytest.raises(UnknownError, match="has no tag cluster=staging"):
        _ = wanted(tagsAll=tags).tags


def test_what_lacks_one_of_the_tags_is_not_the_operations() -> None:
    mine = {"cluster": "staging", "project": "infra-fleet", "Name": "staging"}
    others = {**mine, "Name": "staging-2"}
    asked = wanted(tagsAll=mine)
    assert asked.tagged({"Tags": [{"Key": key, "Value": value} for key, value in mine.items()]})
    assert asked.tagged({"tags": {**mine, "aws:eks:cluster-name": "staging"}}, "tags")
    assert not asked.tagged({"Tags": [{"Key": key, "Value": value} for key, value in others.items()]})
    assert not asked.tagged({})


def test_an_input_that_is_missing_or_encrypted_is_unknown_and_shown_to_nobody() -> None:
    with pytest.raises(UnknownError, match="has no vpcId"):
        _ = wanted()["vpcId"]
    with pytest.raises(UnknownError, match="vpcId of the pending operation is encrypted") as caught:
        _ = wanted(vpcId={SECRET: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"})["vpcId"]
    assert "v1:abc" not in str(caught.value)


def test_a_number_is_the_same_in_a_state_and_in_aws() -> None:
    assert wanted(fromPort=443.0).get("fromPort") == wanted(fromPort=443).get("fromPort") == "443"
