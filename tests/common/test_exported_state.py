"""An exported state is parsed once: what it lists, which clusters it has, what a killed run was at."""

from __future__ import annotations

import pytest

from common.errors import UnknownError
from common.pulumi import exported_state
from common.pulumi.exported_state import StackState
from tests.support.exports import cluster, exported


def test_a_state_lists_ids_arns_and_names_of_what_is_in_aws() -> None:
    vpc = {"type": "aws:ec2/vpc:Vpc", "urn": "urn::vpc", "id": "vpc-1", "outputs": {"arn": "arn:vpc-1"}}
    provider = {"type": "pulumi:providers:aws", "urn": "urn::aws", "id": "p-1"}
    foreign = {"type": "aws:ec2/subnet:Subnet", "urn": "urn::s", "id": "subnet-1", "external": True}
    component = {"type": "infra-fleet:index:Network", "urn": "urn::network"}
    found = exported_state.parse(exported(vpc, provider, foreign, component))
    assert found == StackState(frozenset({"vpc-1", "arn:vpc-1"}), "vpc-1", resources=("aws:ec2/vpc:Vpc vpc",))


def test_what_a_killed_run_was_at_is_named() -> None:
    resource = {"type": "aws:eks/cluster:Cluster", "urn": "urn:pulumi:staging::p::t::cluster"}
    found = exported_state.parse(exported(pending=({"type": "deleting", "resource": resource},)))
    assert found.pending == ("deleting cluster",)


@pytest.mark.parametrize("text", ["", "no json", "{}", '{"deployment": []}'])
def test_what_is_no_state_is_unknown(text: str) -> None:
    with pytest.raises(UnknownError, match="the stack's state is unknown"):
        exported_state.parse(text)


@pytest.mark.parametrize(
    ("text", "clusters"),
    [
        ('{"deployment": {"manifest": {}}}', ()),
        (exported({"urn": "u", "type": "aws:ec2/vpc:Vpc", "id": "blue"}), ()),
        (exported(cluster("blue")), ("blue",)),
        (exported(cluster("blue", outputs={})), ("blue",)),
        (exported(cluster("blue", delete=True)), ()),
        (exported(cluster("green", delete=True), cluster("blue")), ("blue",)),
        (exported(pending=({"type": "creating", "resource": cluster("")},)), ()),
    ],
)
def test_a_cluster_that_only_waits_for_its_deletion_is_not_there(text: str, clusters: tuple[str, ...]) -> None:
    assert exported_state.parse(text).clusters == clusters
