"""An upgrade of a living stack, and a change of who may use it: what the account was asked for, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.contract.versions import ADDONS
from sandbox.account.clients import client
from sandbox.account.overlay.eks.versions import addon_versions

if TYPE_CHECKING:
    from tests.support.rehearsals import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]

VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
DEVELOPERS = "arn:aws:iam::123456789012:role/team/developers"
UPDATES = ("UpdateClusterVersion", "UpdateAddon", "UpdateNodegroupVersion")
CONTROL_PLANE, ADDON, NODES = UPDATES


def builds(minor: str) -> dict[str, str]:
    """The add-ons of a stack on a minor that is not that of the pins."""
    return {addon: addon_versions(addon, minor)[0] for addon in ADDONS}


def eks(sandbox: Sandbox) -> Any:
    return client("eks", endpoint=sandbox.account.endpoint, region=sandbox.account.region)


def updates(sandbox: Sandbox, since: int) -> list[str]:
    """The updates that EKS was asked for since a number of calls."""
    return [operation for service, operation in sandbox.calls()[since:] if service == "eks" and operation in UPDATES]


def versions(sandbox: Sandbox) -> tuple[str, str]:
    """The Kubernetes version of the control plane and of the nodes."""
    (group,) = eks(sandbox).list_nodegroups(clusterName="staging")["nodegroups"]
    nodes = eks(sandbox).describe_nodegroup(clusterName="staging", nodegroupName=group)["nodegroup"]["version"]
    return eks(sandbox).describe_cluster(name="staging")["cluster"]["version"], nodes


def access(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The access policies of the developers: policy → scope."""
    named = {"clusterName": "staging", "principalArn": DEVELOPERS}
    found = eks(sandbox).list_associated_access_policies(**named)["associatedAccessPolicies"]
    return {each["policyArn"]: each["accessScope"] for each in found}


def test_a_living_stack_is_upgraded_control_plane_first_then_addons_then_nodes(sandbox: Sandbox) -> None:
    burst = {"default": {"instanceTypes": ["t3.large"], "cpuCredits": "standard"}}
    living: dict[str, Any] = {"clusterViewers": [DEVELOPERS], "nodeGroups": burst}
    sandbox.configure(kubernetesVersion="1.35", addonVersions=builds("1.35"), **living)
    sandbox.succeed("up", "--", "--skip-preview")
    assert versions(sandbox) == ("1.35", "1.35")
    assert access(sandbox) == {VIEW: {"type": "cluster", "namespaces": []}}
    begin = len(sandbox.calls())

    # Back is no way, and what depends on the control plane is not touched.
    sandbox.configure(kubernetesVersion="1.34", addonVersions=builds("1.34"), **living)
    refused = sandbox.run("up", "--", "--skip-preview")
    assert "Unsupported Kubernetes minor version update from 1.35 to 1.34" in refused.out
    assert updates(sandbox, begin) == [CONTROL_PLANE]
    assert versions(sandbox) == ("1.35", "1.35")

    # An add-on that nodes need, and that does not fit, stops the upgrade before the nodes.
    begin = len(sandbox.calls())
    sandbox.configure(kubernetesVersion="1.36", addonVersions={"kube-proxy": "v1.36.9-eksbuild.1"}, **living)
    refused = sandbox.run("up", "--", "--skip-preview")
    assert "Addon version specified is not supported" in refused.out
    assert updates(sandbox, begin) == [CONTROL_PLANE, ADDON]
    assert versions(sandbox) == ("1.36", "1.35")

    # With the pins it goes on from there. Another scope of the viewers is one association, not one that deletes itself.
    team = {"role": DEVELOPERS, "namespaces": ["team-a", "preview-*"]}
    sandbox.configure(clusterViewers=[team], nodeGroups=burst)
    assert sandbox.steps() == {
        "Addon kube-proxy": "update",
        "NodeGroup default": "update",
        "Addon coredns": "update",
        "Addon metrics-server": "update",
        "AccessPolicyAssociation team/developers:view": "replace",
    }
    sandbox.succeed("up", "--", "--skip-preview")
    assert updates(sandbox, begin) == [CONTROL_PLANE, ADDON, ADDON, NODES, ADDON, ADDON]
    assert versions(sandbox) == ("1.36", "1.36")
    assert access(sandbox) == {VIEW: {"type": "namespace", "namespaces": ["team-a", "preview-*"]}}
    assert sandbox.steps() == {}

    # Nodes of several types have these in the group and not in its launch template, which EKS changes in no group.
    sandbox.configure()
    assert sandbox.steps() == {
        "LaunchTemplate default": "update",
        "NodeGroup default": "replace",
        "AccessEntry team/developers": "delete",
        "AccessPolicyAssociation team/developers:view": "delete",
    }
    sandbox.succeed("up", "--", "--skip-preview")
    assert DEVELOPERS not in eks(sandbox).list_access_entries(clusterName="staging")["accessEntries"]
