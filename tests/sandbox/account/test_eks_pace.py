"""With a pace, clusters, node groups and add-ons take their time; refusals hold for as long as something is going."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import pace
from sandbox.account import process
from tests.sandbox.account.aws import Aws, refused
from tests.support.account import ACCOUNT_ID, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.folder import Folder

PACE = 0.003
"""A cluster is ACTIVE after 2.3 s, and gone after 0.7."""


@pytest.fixture
def slow(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setenv(pace.VARIABLE, str(PACE))
    return Aws(process.ensure(folder, ACCOUNT_ID, REGION))


def passes(look: Callable[[], Any], until: Any) -> list[Any]:
    """What a look gives, each value once, until it gives the last."""
    seen: list[Any] = []
    while not seen or seen[-1] != until:
        found = look()
        if not seen or found != seen[-1]:
            seen.append(found)
        time.sleep(0.05)
    return seen


def test_a_cluster_and_its_node_group_come_and_go_in_states(slow: Aws) -> None:
    cluster = slow.cluster()
    name = cluster["name"]

    def state() -> str:
        try:
            return slow.eks.describe_cluster(name=name)["cluster"]["status"]
        except slow.eks.exceptions.ResourceNotFoundException:
            return "gone"

    def group_state() -> str:
        try:
            return slow.eks.describe_nodegroup(clusterName=name, nodegroupName=group)["nodegroup"]["status"]
        except slow.eks.exceptions.ResourceNotFoundException:
            return "gone"

    assert cluster["status"] == "CREATING"
    assert passes(state, "ACTIVE") == ["CREATING", "ACTIVE"]
    group = slow.nodegroup(cluster)["nodegroupName"]
    assert passes(group_state, "ACTIVE") == ["CREATING", "ACTIVE"]
    slow.eks.delete_nodegroup(clusterName=name, nodegroupName=group)
    with refused("ResourceInUseException", "Cluster has nodegroups attached"):
        slow.eks.delete_cluster(name=name)
    with refused("DependencyViolation"):
        slow.ec2.delete_subnet(SubnetId=cluster["resourcesVpcConfig"]["subnetIds"][0])
    assert passes(group_state, "gone") == ["DELETING", "gone"]
    slow.eks.delete_cluster(name=name)
    assert passes(state, "gone") == ["DELETING", "gone"]
    for subnet in cluster["resourcesVpcConfig"]["subnetIds"]:
        slow.ec2.delete_subnet(SubnetId=subnet)
