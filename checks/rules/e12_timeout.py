"""E12: a Flux Kustomization gives up before the HelmReleases that it waits for.

With `wait` it is Ready once all that it applies is. Its timeout has to be longer than the longest chain of
HelmReleases that wait for one another, each with its own timeout (5m unless it says otherwise): otherwise every cold
start fails first ("timeout waiting for: [HelmRelease/… status: 'InProgress']"). Without `timeout` it is the interval
less 30 s.

Bad:
    wait: true
    timeout: 3m     # and a HelmRelease with the default timeout

Good:
    wait: true
    timeout: 15m
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from checks import flux
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.flux import Release
    from checks.model import Model
    from checks.tree import Kustomization

rule = Rule("E12", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such Kustomization."""
    for each in model.tree.kustomizations:
        own = {release.id: release for release in model.flux.releases if release.object.owner == each.id}
        waited_for = {name for name, release in own.items() if flux.waits_for(each, release.object)}
        timeout = _timeout(each)
        if not waited_for or timeout is None:
            continue
        before = {other for name in waited_for for other in model.flux.releases_before(name)}
        among = {name: release for name, release in own.items() if name in waited_for | before}
        longest, chain = max(_chains(model, among))
        if timeout < longest:
            why = f"it gives up after {flux.spelled(timeout)}, but {chain} may take {flux.spelled(longest)}"
            remedy = f"set timeout to more than {flux.spelled(longest)}"
            field = "timeout" if "timeout" in each.spec else "interval"
            yield rule.at(each.object, "spec", field, why=why, remedy=remedy)


def _timeout(each: Kustomization) -> float | None:
    """Seconds until a Kustomization gives up (kustomize-controller, Kustomization v1, timeout)."""
    if "timeout" in each.spec:
        return flux.seconds(each.spec["timeout"])
    interval = flux.seconds(each.spec.get("interval"))
    return None if interval is None else max(interval - 30, 30)


def _chains(model: Model, among: Mapping[str, Release]) -> Iterator[tuple[float, str]]:
    """How long each chain of HelmReleases may take, and its members; circles are another rule's."""
    graph = model.flux.release_order.subgraph(among)
    if not nx.is_directed_acyclic_graph(graph):
        yield max((release.timeout, name) for name, release in among.items())
        return
    best: dict[str, tuple[float, str]] = {}
    for name in reversed(list(nx.topological_sort(graph))):
        before = max((best[other] for other in graph.successors(name)), default=(0.0, ""))
        best[name] = (before[0] + among[name].timeout, f"{before[1]} → {name}" if before[1] else name)
    yield from best.values()
