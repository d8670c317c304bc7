"""What a first rehearsal says before it builds anything."""

from __future__ import annotations

from sandbox.day import first_run
from tools.catalogue import ETCD, PULUMI


def test_nothing_is_said_where_nothing_is_built() -> None:
    assert first_run.lines([], has_cluster=True) == []


def test_what_is_built_how_long_that_takes_and_what_it_keeps() -> None:
    whole = first_run.lines([PULUMI, *first_run.OF_THE_CLUSTER], has_cluster=True)
    assert "pulumi, etcd, kube-apiserver" in whole[0]
    minutes = round(sum(tool.minutes for tool in (PULUMI, *first_run.OF_THE_CLUSTER)))
    assert f"about {minutes} min on two cores; {sum(first_run.MEGABYTES.values())} MB are kept" in whole[0]
    assert whole[1].endswith("a rehearsal without Kubernetes builds pulumi alone, in about 8 min")


def test_without_a_cluster_it_is_offered_where_that_builds_nothing() -> None:
    assert first_run.lines([ETCD], has_cluster=True)[1].endswith("a rehearsal without Kubernetes needs no build")
    (line,) = first_run.lines([PULUMI], has_cluster=False)
    assert line.startswith("first run: pulumi is built from source, once: about 8 min on two cores; 117 MB are kept")
