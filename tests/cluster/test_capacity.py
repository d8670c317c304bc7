"""What the repository asks of nodes by default fits, and on one node less."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox import capacity, rehearsal
from sandbox.checkout import Checkout
from tests.support.checkout import REPOSITORY

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def pods() -> list[capacity.Pods]:
    return capacity.workloads(Checkout(REPOSITORY), print)


def test_the_default_fits_on_one_node_less(pods: list[capacity.Pods]) -> None:
    there = capacity.nodes(rehearsal.read_settings("staging", Checkout(REPOSITORY).stack_file("staging")))
    found = capacity.answers(pods, there)
    assert len(found) == 4
    assert [str(each) for each in found if not each.fit.is_good] == []


def test_everything_that_runs_is_counted(pods: list[capacity.Pods]) -> None:
    by_name = {each.name: each for each in pods}
    for name in (
        "applications/load-harness",
        "flux-system/helm-controller",
        "kube-system/aws-load-balancer-controller",
        "kube-system/coredns",
        "observability/kube-prometheus-stack-prometheus",
        "observability/pushgateway",
    ):
        assert by_name[name].cpu > 0, name
    assert by_name["applications/load-harness"].most > by_name["applications/load-harness"].replicas
    generous = [replace(each, cpu=each.cpu * 2) for each in pods]
    there = capacity.nodes(rehearsal.read_settings("staging", Checkout(REPOSITORY).stack_file("staging")))
    assert not all(each.fit.is_good for each in capacity.answers(generous, there))
