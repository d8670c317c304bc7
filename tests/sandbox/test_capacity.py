"""Requests against nodes: what a node gives, how pods are counted, and what is one too many."""

from __future__ import annotations

import pytest

from common.errors import CannotRunError
from infra.settings import Settings
from sandbox import capacity, node_sizes
from sandbox.capacity import Pods
from tests.infra.golden import EVERY_SETTING

LARGE = node_sizes.of("t3.large")
AGENT = Pods("kube-system/agent", 100, 100, 0, 0)
SHOP = Pods("shops/shop", 400, 300, 2, 4)


@pytest.mark.parametrize(
    ("instance_type", "cpu", "pods"),
    [("t3.large", 1930, 35), ("m5.large", 1930, 29), ("t3.medium", 1930, 17), ("m5.4xlarge", 15890, 110)],
)
def test_a_node_gives_what_the_ami_and_the_cni_leave(instance_type: str, cpu: int, pods: int) -> None:
    size = node_sizes.of(instance_type)
    assert (size.allocatable_cpu, size.pods) == (cpu, pods)
    assert 0.75 * size.memory < size.allocatable_memory < 0.95 * size.memory


def test_a_type_that_does_not_exist_is_named() -> None:
    with pytest.raises(CannotRunError, match=r"m9\.huge is not known"):
        node_sizes.of("m9.huge")


def test_an_agent_counts_on_each_node_and_an_autoscaler_at_its_most() -> None:
    two = capacity.fit([AGENT, SHOP], [LARGE, LARGE])
    assert (two.cpu, two.memory, two.pods) == (1000, 800, 4)
    assert capacity.fit([AGENT, SHOP], [LARGE, LARGE], at_most=True).cpu == 1800
    assert capacity.fit([AGENT, SHOP], [LARGE]).cpu == 900
    assert capacity.fit([AGENT, SHOP], [LARGE], agents=2).cpu == 1000


@pytest.mark.parametrize(("cpu", "memory", "replicas"), [(2000, 1, 1), (1, 8000, 1), (1, 1, 36)])
def test_too_much_of_anything_does_not_fit(cpu: int, memory: int, replicas: int) -> None:
    assert capacity.fit([SHOP], [LARGE]).is_good
    assert not capacity.fit([Pods("a/b", cpu, memory, replicas, replicas)], [LARGE]).is_good


def test_a_group_counts_as_the_smallest_of_its_types_and_all_groups_as_the_stacks_nodes() -> None:
    groups = {"a": {"instanceTypes": ["t3.large", "m5.large"], "desiredSize": 2}, "b": {"instanceTypes": ["t3.medium"]}}
    found = capacity.nodes(Settings.model_validate({**EVERY_SETTING, "nodeGroups": groups}))
    assert [size.pods for size in found] == [29, 29, 17, 17]


def test_one_node_less_is_without_the_largest() -> None:
    small = node_sizes.of("t3.small")
    questions = {each.question: each.fit for each in capacity.answers([AGENT, SHOP], [small, LARGE])}
    assert questions["one node less"].nodes == (small,)
    assert len(capacity.answers([SHOP], [LARGE])) == 2
