"""What the program asks AWS for is what was reviewed, and only the intended principal may assume a role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra import settings
from infra.contract import versions
from tests.infra import golden
from tests.support import recorder

if TYPE_CHECKING:
    from tests.support.recorder import Recording

ISSUER = "oidc.eks.eu-west-2.amazonaws.com/id/A"


@pytest.fixture(scope="module")
def stack() -> Recording:
    return recorder.run_stack(preview=False)


@pytest.mark.parametrize("name", golden.CONFIGS)
def test_the_inputs_of_every_resource_are_those_that_were_reviewed(name: str) -> None:
    found = golden.render(recorder.run_stack(golden.CONFIGS[name], preview=False))
    assert found == golden.page(name).read_text(), "if this is meant: make golden, and review its diff"


def test_the_golden_config_sets_every_setting() -> None:
    acknowledgements = {"endpointAnywhereAcknowledged", "ingressAnywhereAcknowledged"}
    # The pins are for one Kubernetes version.
    left_out = {"kubernetesVersion", *acknowledgements}
    fields = settings.Settings.model_fields
    assert {entry.alias for entry in fields.values()} - set(golden.EVERY_SETTING) == left_out
    defaults = settings.parse({"accountId": "123456789012"}, "staging")
    every = settings.parse(golden.EVERY_SETTING, "staging")
    same = {name for name in fields if getattr(defaults, name) == getattr(every, name)}
    assert {fields[name].alias for name in same} == left_out


@pytest.mark.parametrize(
    ("role", "namespace", "account"),
    [
        ("vpc-cni", "kube-system", "aws-node"),
        ("ebs-csi", "kube-system", "ebs-csi-controller-sa"),
        ("load-balancer-controller", "kube-system", "aws-load-balancer-controller"),
    ],
)
def test_a_web_identity_role_trusts_its_service_account_alone(
    stack: Recording, role: str, namespace: str, account: str
) -> None:
    (statement,) = json.loads(stack.one("Role", role).inputs["assumeRolePolicy"])["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        f"{ISSUER}:aud": "sts.amazonaws.com",
        f"{ISSUER}:sub": f"system:serviceaccount:{namespace}:{account}",
    }


def test_the_image_reflector_role_trusts_flux_own_service_account_alone(stack: Recording) -> None:
    name = "image-reflector-controller"
    (statement,) = json.loads(stack.one("Role", name).inputs["assumeRolePolicy"])["Statement"]
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-namespace"] == "flux-system"
    association = stack.one("PodIdentityAssociation", name).inputs
    assert (association["namespace"], association["serviceAccount"]) == ("flux-system", name)


@pytest.mark.parametrize(("role", "service"), [("cluster", "eks.amazonaws.com"), ("node", "ec2.amazonaws.com")])
def test_a_service_role_trusts_its_service_alone(stack: Recording, role: str, service: str) -> None:
    (statement,) = json.loads(stack.one("Role", role).inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": service}


def test_every_addon_is_pinned_and_none_is_forgotten(stack: Recording) -> None:
    found = {entry.inputs["addonName"]: entry.inputs["addonVersion"] for entry in stack.all("Addon")}
    assert found == {name: addon.pin for name, addon in versions.ADDONS.items()}


def configuration(stack: Recording, addon: str) -> dict[str, Any]:
    return json.loads(stack.one("Addon", addon).inputs["configurationValues"])


def test_network_policies_are_enforced_and_prefixes_delegated(stack: Recording) -> None:
    found = configuration(stack, "vpc-cni")
    assert found["enableNetworkPolicy"] == "true"
    assert found["env"]["ENABLE_PREFIX_DELEGATION"] == "true"


def test_a_volume_that_is_left_behind_names_its_cluster(stack: Recording) -> None:
    found = configuration(stack, "aws-ebs-csi-driver")
    assert found["controller"]["k8sTagClusterId"] == "staging"
    assert found["defaultStorageClass"]["enabled"] is True


@pytest.mark.parametrize(("addon", "role"), [("vpc-cni", "vpc-cni"), ("aws-ebs-csi-driver", "ebs-csi")])
def test_an_addon_that_calls_aws_has_a_role_of_its_own(stack: Recording, addon: str, role: str) -> None:
    assert stack.one("Addon", addon).inputs["serviceAccountRoleArn"].endswith(f":{role}")


def test_no_role_of_the_stack_is_an_administrator(stack: Recording) -> None:
    attached = {entry.inputs["policyArn"] for entry in stack.all("RolePolicyAttachment")}
    assert not {arn for arn in attached if "Administrator" in arn or "FullAccess" in arn or "PowerUser" in arn}


def test_coredns_has_two_replicas_that_are_spread_over_nodes_and_zones(stack: Recording) -> None:
    found = configuration(stack, "coredns")
    assert found["replicaCount"] == 2
    over = {each["topologyKey"]: each for each in found["topologySpreadConstraints"]}
    assert set(over) == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    for constraint in over.values():
        assert constraint["labelSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
        # With one node the second replica waits for none.
        assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"


def test_what_eks_reports_of_an_update_strategy_is_said(stack: Recording) -> None:
    assert stack.one("NodeGroup", "default").inputs["updateConfig"] == {
        "maxUnavailable": 1,
        "updateStrategy": "DEFAULT",
    }


def group_of(**settings: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs of a node group and of its launch template."""
    found = recorder.run_stack({**recorder.CONFIG, "nodeGroups": {"default": settings}}, preview=False)
    return {**found.one("NodeGroup", "default").inputs}, {**found.one("LaunchTemplate", "default").inputs}


@pytest.mark.parametrize(("settings", "wanted"), [({}, "unlimited"), ({"cpuCredits": "standard"}, "standard")])
def test_a_group_of_one_burstable_type_names_its_cpu_credits(settings: dict[str, object], wanted: str) -> None:
    """In the launch template, with the type: pulumi-aws drops them without, and EKS takes the type from one place."""
    group, template = group_of(instanceTypes=["t3.large"], **settings)
    assert (template["instanceType"], template["creditSpecification"]) == ("t3.large", {"cpuCredits": wanted})
    assert "instanceTypes" not in group


@pytest.mark.parametrize("types", [["m5.large"], ["t3.large", "t3a.large"], ["t3.large", "m5.large"]])
def test_a_group_of_other_types_names_none(types: list[str]) -> None:
    """EC2 refuses to launch any other type with CPU credits."""
    group, template = group_of(instanceTypes=types)
    assert group["instanceTypes"] == types
    assert not {"instanceType", "creditSpecification"} & set(template)


def test_a_type_that_moves_between_group_and_launch_template_replaces_the_group() -> None:
    """The engine compares triggers only where the state and the program have one."""
    groups = {"one": ["t3.large"], "other": ["t3.xlarge"], "several": ["t3.large", "t3a.large"], "fixed": ["m5.large"]}
    settings = {name: {"instanceTypes": types} for name, types in groups.items()}
    found = recorder.run_stack({**recorder.CONFIG, "nodeGroups": settings}, preview=False)
    triggers = {name: found.one("NodeGroup", name).replacement_trigger for name in groups}
    assert triggers["one"] == triggers["other"]
    assert triggers["several"] == triggers["fixed"]
    assert len({"", *triggers.values()}) == 3


def test_a_release_of_the_image_is_pinned_on_demand_and_a_preview_says_which_holds() -> None:
    assert "releaseVersion" not in group_of()[0]
    assert group_of(amiRelease="1.36.4-20260923")[0]["releaseVersion"] == "1.36.4-20260923"
    groups: dict[str, object] = {"default": {}, "pinned": {"amiRelease": "1.36.4-20260923"}}
    found = recorder.run_stack({**recorder.CONFIG, "nodeGroups": groups}, preview=True)
    assert found.notes == [
        "note: AMI release of node group default: the newest when nodes are built or renewed (amiRelease pins one)",
        "note: AMI release of node group pinned: 1.36.4-20260923",
    ]
