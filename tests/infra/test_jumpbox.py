"""The jump box: nothing unless asked for, and then a thing apart, which only the API's security group knows of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import networkx
import pytest

from delivery.timeline import timeline
from delivery.timeline.runs import Kind
from tests.support import recorder

if TYPE_CHECKING:
    from tests.support.recorder import Recording

BOX = {
    "Role jump-box",
    "RolePolicyAttachment jump-box",
    "InstanceProfile jump-box",
    "SecurityGroup jump-box",
    "SecurityGroupEgressRule jump-box",
    "SecurityGroupIngressRule kubernetes-api",
    "AccessEntry jump-box",
    "LaunchTemplate jump-box",
    "Instance jump-box",
}


@pytest.fixture(scope="module", params=[True, False], ids=["preview", "update"])
def preview(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="module")
def without(preview: bool) -> Recording:
    return recorder.run_stack(preview=preview)


@pytest.fixture(scope="module")
def stack(preview: bool) -> Recording:
    config = {"jumpBox": True, "permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary"}
    return recorder.run_stack({**recorder.CONFIG, **config}, preview=preview)


def ancestors(stack: Recording, label: str) -> set[str]:
    found: set[str] = networkx.ancestors(stack.graph, label)  # pyright: ignore[reportUnknownMemberType]
    return found


def test_it_is_all_that_the_setting_adds(stack: Recording, without: Recording) -> None:
    assert set(stack.graph.nodes) - set(without.graph.nodes) == BOX
    assert set(without.graph.nodes) <= set(stack.graph.nodes)


def test_nothing_else_waits_for_it(stack: Recording) -> None:
    for label in set(stack.graph.nodes) - BOX:
        assert ancestors(stack, label).isdisjoint(BOX), label


@pytest.mark.parametrize("kind", get_args(Kind))
def test_it_lengthens_no_critical_path(kind: Kind, stack: Recording, without: Recording) -> None:
    longer = timeline.published(kind, "staging", stack.waits)
    assert longer.chain_seconds == timeline.published(kind, "staging", without.waits).chain_seconds
    assert BOX.isdisjoint(longer.chain)


def test_the_instance_waits_for_its_way_to_the_internet_and_its_policy(stack: Recording) -> None:
    assert {
        "RolePolicyAttachment jump-box",
        "InstanceProfile jump-box",
        "SecurityGroupEgressRule jump-box",
        "Subnet private-eu-west-2a",
        "NatGateway nat-eu-west-2a",
        "Route public",
        "Route private-eu-west-2a",
        "RouteTableAssociation private-eu-west-2a",
        "RouteTableAssociation public-eu-west-2a",
    } <= ancestors(stack, "Instance jump-box")


def test_only_the_entry_and_the_rule_that_lets_it_in_wait_for_the_cluster(stack: Recording) -> None:
    waiting = {label for label in BOX if "Cluster cluster" in ancestors(stack, label)}
    assert waiting == {"AccessEntry jump-box", "SecurityGroupIngressRule kubernetes-api"}
    rule = stack.one("SecurityGroupIngressRule", "kubernetes-api")
    assert stack.one("Cluster", "cluster").urn in rule.property_dependencies["securityGroupId"]
    assert stack.one("SecurityGroup", "jump-box").urn in rule.property_dependencies["referencedSecurityGroupId"]


def test_the_rule_is_taken_back_before_its_group_is_deleted(stack: Recording) -> None:
    assert stack.one("SecurityGroupIngressRule", "kubernetes-api").deleted_with == ""
    assert "SecurityGroup jump-box" in ancestors(stack, "SecurityGroupIngressRule kubernetes-api")


def test_it_lets_in_nothing_and_reaches_the_kubernetes_api(stack: Recording) -> None:
    (ingress,), (egress,) = stack.all("SecurityGroupIngressRule"), stack.all("SecurityGroupEgressRule")
    assert ingress.name == "kubernetes-api"
    assert {key: ingress.inputs[key] for key in ("ipProtocol", "fromPort", "toPort")} == {
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
    }
    assert (egress.inputs["ipProtocol"], egress.inputs["cidrIpv4"]) == ("-1", "0.0.0.0/0")
    assert not {"ingress", "egress"} & set(stack.one("SecurityGroup", "jump-box").inputs)


def test_its_role_is_for_session_manager_alone(stack: Recording) -> None:
    role, profile = stack.one("Role", "jump-box"), stack.one("InstanceProfile", "jump-box")
    assert (role.inputs["path"], profile.inputs["path"]) == ("/infra-fleet/staging/", "/infra-fleet/staging/")
    assert role.inputs["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/boundary"
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert [statement["Principal"] for statement in trust] == [{"Service": "ec2.amazonaws.com"}]
    granted = {
        entry.inputs["policyArn"]
        for entry in [*stack.all("RolePolicyAttachment"), *stack.all("RolePolicy")]
        if role.urn in entry.property_dependencies["role"]
    }
    assert granted == {"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}


def test_its_access_entry_makes_it_known_and_gives_it_nothing(stack: Recording) -> None:
    role, entry = stack.one("Role", "jump-box"), stack.one("AccessEntry", "jump-box")
    assert role.urn in entry.property_dependencies["principalArn"]
    assert "kubernetesGroups" not in entry.inputs
    associations = stack.all("AccessPolicyAssociation")
    assert associations
    assert not any(role.urn in each.property_dependencies["principalArn"] for each in associations)


def test_the_instance_is_as_decided(stack: Recording) -> None:
    template, instance = stack.one("LaunchTemplate", "jump-box").inputs, stack.one("Instance", "jump-box")
    parameter = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    assert (template["imageId"], template["instanceType"]) == (f"resolve:ssm:{parameter}", "t4g.nano")
    metadata = template["metadataOptions"]
    assert (metadata["httpTokens"], metadata["httpPutResponseHopLimit"]) == ("required", 1)
    (disk,) = template["blockDeviceMappings"]
    assert (disk["ebs"]["volumeSize"], disk["ebs"]["volumeType"], disk["ebs"]["encrypted"]) == (8, "gp3", "true")
    tags = {entry["resourceType"]: entry["tags"] for entry in template["tagSpecifications"]}
    assert set(tags) == {"instance", "volume"}
    assert all(each["Name"] == "session-manager-jumpbox" and each["cluster"] == "staging" for each in tags.values())
    assert instance.inputs["tags"] == {"Name": "session-manager-jumpbox"}
    assert stack.one("Subnet", "private-eu-west-2a").urn in instance.property_dependencies["subnetId"]
