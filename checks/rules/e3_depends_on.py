"""E3: dependsOn names what is not there, what is of another kind, or itself in a circle.

A Kustomization waits for Kustomizations only, a HelmRelease for HelmReleases only; a name that nobody has, or a
circle, means that it is never Ready ("dependency 'flux-system/x' not found").

Bad:
    kind: Kustomization
    spec:
      dependsOn: [{name: kube-prometheus-stack}]   # a HelmRelease

Good:
    kind: Kustomization
    spec:
      dependsOn: [{name: infrastructure}]          # the Kustomization that applies it
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import networkx as nx

from checks import flux
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.tree import Object, Tree

rule = Rule("E3", Stage.ORDER, Severity.ERROR)


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each wrong entry, and one for each member of a circle."""
    releases = {release.id: release.object for release in flux.releases(tree)}
    kustomizations = {each.id: each.object for each in tree.kustomizations}
    foreign = {each.id for each in tree.foreign}
    waiting = [(each.object, each.depends_on) for each in tree.kustomizations]
    yield from _entries(waiting, {*kustomizations, *foreign}, "HelmRelease", releases)
    yield from _circles(flux.order(tree), kustomizations)
    waiting = [(each.object, each.depends_on) for each in flux.releases(tree)]
    yield from _entries(waiting, set(releases), "Kustomization", kustomizations)
    yield from _circles(flux.release_order(tree), releases)


def _entries(
    waiting: list[tuple[Object, tuple[str, ...]]], known: set[str], other_kind: str, others: Mapping[str, Object]
) -> Iterator[Finding]:
    for each, names in waiting:
        for number, name in enumerate(names):
            if name in known:
                continue
            same_name = [other for other in others.values() if name == other.id or name.endswith(f"/{other.name}")]
            is_other = f"; {same_name[0].id} is a {other_kind}" if same_name else ""
            near = difflib.get_close_matches(name, known, n=1)
            if same_name and other_kind == "HelmRelease":
                remedy = f"name the Kustomization that applies it, {same_name[0].owner.rpartition('/')[2]}"
            elif same_name:
                remedy = f"let the Kustomization that applies {each.id} depend on {same_name[0].name} instead"
            else:
                remedy = f"name a {each.kind} that is there" + (f": did you mean {near[0]}?" if near else "")
            why = f"dependency '{name}' not found{is_other}: it is never Ready"
            yield rule.at(each, "spec", "dependsOn", number, why=why, remedy=remedy)


def _circles(graph: nx.DiGraph[str], objects: Mapping[str, Object]) -> Iterator[Finding]:
    for members in nx.strongly_connected_components(graph):
        if len(members) > 1 or any(graph.has_edge(each, each) for each in members):
            for name in sorted(members):
                others = ", ".join(sorted(members - {name})) or "itself"
                why = f"it waits for {others} and is waited for: none of them is ever Ready"
                remedy = "take one of the circle's dependsOn entries out"
                yield rule.at(objects[name], "spec", "dependsOn", why=why, remedy=remedy)
