"""What waits for what: the stack's graph, not its code, in previews and in updates."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import networkx
import pytest

from infra.contract.outputs import StackOutputs
from tests.support import recorder

if TYPE_CHECKING:
    from tests.support.recorder import Recording


@pytest.fixture(scope="module", params=[True, False], ids=["preview", "update"])
def stack(request: pytest.FixtureRequest) -> Recording:
    return recorder.run_stack(preview=request.param)


@pytest.fixture(scope="module", params=[True, False], ids=["preview", "update"])
def big(request: pytest.FixtureRequest) -> Recording:
    config = {
        **recorder.CONFIG,
        "clusterName": "blue",
        "vpcCidr": "10.64.0.0/18",
        "natStrategy": "per-zone",
        "zones": ["eu-west-2a", "eu-west-2b", "eu-west-2c"],
        "deletionProtection": True,
        "nodeSessionManager": True,
        "permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        "nodeGroups": {"system": {}, "apps": {"capacityType": "ON_DEMAND"}},
    }
    return recorder.run_stack(config, preview=request.param)


def ancestors(stack: Recording, label: str) -> set[str]:
    found: set[str] = networkx.ancestors(stack.graph, label)  # pyright: ignore[reportUnknownMemberType]
    return found


def test_the_stack_has_between_50_and_60_resources(stack: Recording) -> None:
    assert 50 <= len(stack.registrations) + 1 <= 60


def test_nothing_waits_for_itself(stack: Recording) -> None:
    assert networkx.is_directed_acyclic_graph(stack.graph)


def test_the_only_provider_is_aws_and_every_resource_uses_it(stack: Recording) -> None:
    assert [entry.type for entry in stack.registrations.values() if entry.type.startswith("pulumi:providers:")] == [
        "pulumi:providers:aws"
    ]
    for entry in stack.registrations.values():
        if entry.type.startswith("aws:"):
            assert "pulumi:providers:aws::aws::" in entry.provider, entry.label


def test_the_provider_is_bound_to_region_and_account_and_tags_everything(stack: Recording) -> None:
    inputs = stack.one("aws", "aws").inputs
    assert inputs["region"] == "eu-west-2"
    assert inputs["allowedAccountIds"] == '["123456789012"]'
    assert '"cluster": "staging"' in inputs["defaultTags"]


def test_every_resource_has_a_component_as_its_parent(stack: Recording) -> None:
    for entry in stack.registrations.values():
        if entry.type.startswith("aws:"):
            assert "$infra-fleet:index:" in entry.parent or "::infra-fleet:index:" in entry.parent, entry.label


def test_the_cluster_waits_for_its_subnets_and_its_role_and_not_for_nat(stack: Recording) -> None:
    assert ancestors(stack, "Cluster cluster") == {
        "Role cluster",
        "RolePolicyAttachment cluster",
        "Subnet private-eu-west-2a",
        "Subnet private-eu-west-2b",
        "Vpc vpc",
    }


def test_nodes_wait_for_cni_routes_associations_and_policies(stack: Recording) -> None:
    wanted = {
        "Addon eks-pod-identity-agent",
        "Addon kube-proxy",
        "Addon vpc-cni",
        "RolePolicyAttachment vpc-cni",
        "InternetGateway internet",
        "NatGateway nat-eu-west-2a",
        "Route public",
        "Route private-eu-west-2a",
        "Route private-eu-west-2b",
        "RouteTableAssociation public-eu-west-2a",
        "RouteTableAssociation private-eu-west-2a",
        "RouteTableAssociation private-eu-west-2b",
        "RolePolicyAttachment node-worker",
        "RolePolicyAttachment node-pull",
    }
    assert wanted <= ancestors(stack, "NodeGroup default")


def test_nodes_do_not_wait_for_what_runs_on_them(stack: Recording) -> None:
    assert not {"Addon coredns", "Addon aws-ebs-csi-driver", "Addon metrics-server"} & ancestors(
        stack, "NodeGroup default"
    )


@pytest.mark.parametrize("addon", ["coredns", "aws-ebs-csi-driver", "metrics-server"])
def test_workload_addons_wait_for_nodes(stack: Recording, addon: str) -> None:
    assert "NodeGroup default" in stack.graph.predecessors(f"Addon {addon}")


def test_nat_waits_for_its_way_out_and_its_address_outlives_it(stack: Recording) -> None:
    assert {"Route public", "Eip nat-eu-west-2a"} <= set(stack.graph.predecessors("NatGateway nat-eu-west-2a"))


def test_on_destroy_nodes_drain_while_cni_routes_and_roles_still_live(stack: Recording) -> None:
    """The engine deletes in the reverse order of dependencies: what nodes wait for outlives them."""
    outlive = {entry.label for entry in [*stack.all("RolePolicyAttachment"), *stack.all("Route")]}
    outlive |= {"Addon vpc-cni", "Role vpc-cni", "Role node", "NatGateway nat-eu-west-2a", "Cluster cluster"}
    assert outlive <= ancestors(stack, "NodeGroup default")
    assert "Subnet private-eu-west-2a" in ancestors(stack, "Cluster cluster")


def test_what_dies_with_the_cluster_is_deleted_with_it_and_nothing_else(stack: Recording) -> None:
    """The CNI outlives the nodes: without it, nothing deletes their network interfaces."""
    cluster = stack.one("Cluster", "cluster")
    dies = {"Addon", "AccessEntry", "AccessPolicyAssociation", "PodIdentityAssociation"}
    for entry in stack.registrations.values():
        assert (entry.deleted_with == cluster.urn) is (entry.type.rsplit(":", 1)[-1] in dies), entry.label


@pytest.mark.parametrize(
    "kind", ["NodeGroup", "Addon", "AccessEntry", "AccessPolicyAssociation", "PodIdentityAssociation"]
)
def test_dependents_take_the_clusters_name_from_the_cluster(stack: Recording, kind: str) -> None:
    cluster = stack.one("Cluster", "cluster").urn
    assert stack.all(kind)
    for entry in stack.all(kind):
        assert cluster in entry.property_dependencies["clusterName"], entry.label


def test_nodes_follow_the_clusters_version(stack: Recording) -> None:
    (group,) = stack.all("NodeGroup")
    assert stack.one("Cluster", "cluster").urn in group.property_dependencies["version"]


def test_slow_resources_have_timeouts_of_their_own(stack: Recording) -> None:
    timeouts = {entry.label: entry.create_timeout for entry in stack.registrations.values() if entry.create_timeout}
    assert timeouts["Cluster cluster"] == "30m"
    assert timeouts["NodeGroup default"] == "20m"
    assert timeouts["Addon coredns"] == "10m"


def test_the_outputs_are_those_of_the_contract() -> None:
    stack = recorder.run_stack(preview=False)
    found = StackOutputs.parse(stack.outputs)
    assert found.config_map()["INGRESS_CIDRS"] == "10.0.0.0/16"
    assert found.config_map()["INGRESS_SCHEME"] == "internal"
    assert set(stack.outputs) == set(StackOutputs.__dataclass_fields__)


def test_no_access_entry_is_made_for_nodes_nor_for_the_creator(stack: Recording) -> None:
    assert {entry.name for entry in stack.all("AccessEntry")} == {"infra-fleet-deploy", "platform-admin"}
    access = stack.one("Cluster", "cluster").inputs["accessConfig"]
    assert access == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}


def test_the_cluster_is_as_decided(stack: Recording) -> None:
    inputs = stack.one("Cluster", "cluster").inputs
    assert inputs["upgradePolicy"] == {"supportType": "STANDARD"}
    assert inputs["bootstrapSelfManagedAddons"] is False
    assert inputs["enabledClusterLogTypes"] == ["api", "audit", "authenticator"]
    assert inputs["vpcConfig"]["endpointPrivateAccess"] is True
    assert inputs["vpcConfig"]["endpointPublicAccess"] is False


def test_nodes_are_as_decided(stack: Recording) -> None:
    (template,) = stack.all("LaunchTemplate")
    metadata = template.inputs["metadataOptions"]
    assert (metadata["httpTokens"], metadata["httpPutResponseHopLimit"]) == ("required", 1)
    (disk,) = template.inputs["blockDeviceMappings"]
    assert (disk["ebs"]["encrypted"], disk["ebs"]["volumeType"]) == ("true", "gp3")
    assert {entry["resourceType"] for entry in template.inputs["tagSpecifications"]} == {"instance", "volume"}
    assert all(entry["tags"]["cluster"] == "staging" for entry in template.inputs["tagSpecifications"])
    assert "vpcSecurityGroupIds" not in template.inputs
    (group,) = stack.all("NodeGroup")
    assert group.inputs["nodeRepairConfig"] == {"enabled": True}


def test_the_worker_policies_are_exactly_two(stack: Recording) -> None:
    found = {entry.inputs["policyArn"] for entry in stack.all("RolePolicyAttachment") if entry.name.startswith("node-")}
    assert found == {
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
    }


def test_no_resource_names_a_log_group(stack: Recording) -> None:
    assert not [entry for entry in stack.registrations.values() if entry.type.startswith("aws:cloudwatch")]


def test_every_role_and_policy_lies_under_the_clusters_path(big: Recording) -> None:
    for entry in [*big.all("Role"), *big.all("Policy")]:
        assert entry.inputs["path"] == "/infra-fleet/blue/", entry.label
    for entry in big.all("Role"):
        assert entry.inputs["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/boundary"


def test_a_nat_gateway_a_zone_serves_its_own_zone(big: Recording) -> None:
    assert len(big.all("NatGateway")) == 3
    for zone in ("eu-west-2a", "eu-west-2b", "eu-west-2c"):
        assert f"NatGateway nat-{zone}" in big.graph.predecessors(f"Route private-{zone}")


def test_the_other_switches_reach_their_resources(big: Recording) -> None:
    assert big.one("Cluster", "cluster").inputs["deletionProtection"] is True
    assert big.one("Cluster", "cluster").protect is True
    assert len(big.all("NodeGroup")) == 2
    assert "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" in {
        entry.inputs["policyArn"] for entry in big.all("RolePolicyAttachment")
    }


def test_load_balancers_of_either_scheme_send_from_where_no_pod_is(stack: Recording) -> None:
    """AWS Load Balancer Controller, subnet discovery; what network policies let in is one range."""
    senders = IPv4Network(stack.outputs["load_balancer_cidr"])
    for entry in stack.all("Subnet"):
        public = entry.name.startswith("public")
        roles = {key: value for key, value in entry.inputs["tags"].items() if key.startswith("kubernetes.io/role/")}
        assert roles == ({"kubernetes.io/role/elb": "1", "kubernetes.io/role/internal-elb": "1"} if public else {})
        assert IPv4Network(entry.inputs["cidrBlock"]).overlaps(senders) is public
        assert entry.inputs.get("mapPublicIpOnLaunch", False) is public
    assert {entry.inputs["cidrBlock"] for entry in stack.all("Subnet")}


def test_the_program_asks_nothing_of_aws_while_it_runs() -> None:
    """No data source is allowed: the mocks raise on every invoke, and this shows that they do."""
    import pulumi_aws as aws

    with pytest.raises(Exception, match="aws:index/getCallerIdentity:getCallerIdentity"):
        recorder.run(lambda: aws.get_caller_identity(), preview=True)
