"""The real engine's day on the embedded account: built, unchanged, changed, replaced, and gone without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.contract.outputs import StackOutputs
from tests.support.reported import unsaid

if TYPE_CHECKING:
    from tests.support.rehearsals import Sandbox

pytestmark = pytest.mark.engine


@pytest.mark.night
def test_a_stack_is_built_once_stays_as_it_is_and_goes_without_a_trace(sandbox: Sandbox) -> None:
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up")
    assert sandbox.census()["EKS cluster"] == ("staging",)

    sandbox.succeed("up", "--", "--expect-no-changes")
    sandbox.succeed("refresh", "--", "--expect-no-changes")
    # Of what AWS reports back nothing was left unsaid: docs/aws-defaults.md.
    assert unsaid(sandbox.resources()) == []

    outputs = StackOutputs.parse(sandbox.outputs())
    assert (outputs.cluster_name, outputs.aws_account_id) == ("staging", "123456789012")
    assert outputs.cluster_endpoint.startswith("https://")
    assert outputs.cluster_security_group_id.startswith("sg-")

    sandbox.succeed("destroy")
    assert sandbox.census() == before
    assert sandbox.steps()["Cluster cluster"] == "create"


@pytest.mark.night
def test_changes_are_made_in_place_and_a_new_cluster_takes_its_dependents_along(sandbox: Sandbox) -> None:
    sandbox.succeed("up", "--", "--skip-preview")
    before = StackOutputs.parse(sandbox.outputs())

    sandbox.configure(
        controlPlaneLogs=["api"],
        endpointPublicCidrs=["203.0.113.0/24"],
        addonVersions={"vpc-cni": "v1.23.2-eksbuild.1"},
        nodeGroups={"default": {"desiredSize": 3}},
    )
    assert sandbox.steps() == {
        "Cluster cluster": "update",
        "Addon vpc-cni": "update",
        "NodeGroup default": "update",
    }
    sandbox.succeed("up", "--", "--skip-preview")
    sandbox.succeed("refresh", "--", "--expect-no-changes", "--skip-preview")
    assert sandbox.steps() == {}

    # The range of Services is fixed when a cluster is made.
    sandbox.configure(serviceCidr="10.100.0.0/16", vpcCidr="10.0.0.0/16")
    steps = sandbox.steps()
    replaced = {label for label, operation in steps.items() if "replace" in operation}
    assert replaced == {
        "Cluster cluster",
        "NodeGroup default",
        "OpenIdConnectProvider oidc",
        *(f"Addon {name}" for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")),
        *(f"Addon {name}" for name in ("coredns", "aws-ebs-csi-driver", "metrics-server")),
        *(
            f"{kind} {name}"
            for kind in ("AccessEntry", "AccessPolicyAssociation")
            for name in ("infra-fleet-deploy", "platform-admin")
        ),
        "PodIdentityAssociation image-reflector-controller",
    }
    sandbox.succeed("up", "--", "--skip-preview")
    after = StackOutputs.parse(sandbox.outputs())
    assert after.oidc_issuer != before.oidc_issuer
    assert after.vpc_id == before.vpc_id
    assert sandbox.steps() == {}

    census = sandbox.census()
    assert len(census["EKS add-on"]) == 6
    assert len(census["EKS node group"]) == 1


@pytest.mark.long
def test_a_new_address_range_and_other_zones_rebuild_what_lies_in_them(sandbox: Sandbox) -> None:
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up", "--", "--skip-preview")

    sandbox.configure(vpcCidr="10.64.0.0/16")
    assert sandbox.steps()["Cluster cluster"] in {"replace", "create-replacement", "delete-replaced"}
    sandbox.succeed("up", "--", "--skip-preview")
    assert sandbox.steps() == {}

    sandbox.configure(vpcCidr="10.64.0.0/16", zones=["eu-west-2b", "eu-west-2c"])
    assert sandbox.steps()["Cluster cluster"] == "update"
    sandbox.succeed("up", "--", "--skip-preview")
    assert sandbox.steps() == {}

    sandbox.succeed("destroy", "--", "--skip-preview")
    assert sandbox.census() == before


@pytest.mark.long
def test_a_protected_cluster_stops_the_destroy_before_it_begins(sandbox: Sandbox) -> None:
    sandbox.prepare()
    empty = sandbox.census()
    sandbox.configure(deletionProtection=True)
    sandbox.succeed("up", "--", "--skip-preview")
    built = sandbox.census()
    done = sandbox.run("destroy")
    assert done.code != 0
    assert "protected" in done.out
    assert sandbox.census() == built

    sandbox.configure(deletionProtection=False)
    sandbox.succeed("up", "--", "--skip-preview")
    sandbox.succeed("destroy", "--", "--skip-preview")
    assert sandbox.census() == empty
