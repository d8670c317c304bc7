"""E3: dependsOn names what is not there, what is of another kind, or itself in a circle.

A Kustomization waits for Kustomizations only, a HelmRelease for HelmReleases only; a name that nobody has, or a
circle, means that it is never Ready ("dependency 'flux-system/x' not found"). A circle may go through `wait`: a
Kustomization that waits for what it applies never finds it Ready if that depends on the Kustomization.

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
from checks.flux import Step
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.model import Model
    from checks.tree import Object

rule = Rule("E3", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each wrong entry, and one for each member of a circle."""
    releases = {release.id: release.object for release in model.flux.releases}
    kustomizations = {each.id: each.object for each in model.tree.kustomizations}
    foreign = {each.id for each in model.tree.foreign}
    waiting = [(each.object, each.depends_on) for each in model.tree.kustomizations]
    yield from _entries(waiting, {*kustomizations, *foreign}, "HelmRelease", releases)
    waiting = [(each.object, each.depends_on) for each in model.flux.releases]
    yield from _entries(waiting, set(releases), "Kustomization", kustomizations)
    yield from _circles(model)


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


def _circles(model: Model) -> Iterator[Finding]:
    graph = model.flux.steps
    entries = [(flux.applied(each.id), each.object, each.depends_on) for each in model.tree.kustomizations]
    entries += [(Step("HelmRelease", each.id), each.object, each.depends_on) for each in model.flux.releases]
    for members in nx.strongly_connected_components(graph):
        if len(members) == 1 and not any(graph.has_edge(each, each) for each in members):
            continue
        waiting = sorted({one.id for one, two in graph.subgraph(members).edges if _is_child(one, two)})
        for step, each, names in entries:
            if step in members and any(Step(each.kind, name) in members for name in names):
                others = sorted({f"{other.kind} {other.id}" for other in members} - {each.label})
                by = f", by the wait of {' and '.join(waiting)}" if waiting else ""
                why = f"it waits for {', '.join(others) or 'itself'} and is waited for{by}: none of them is ever Ready"
                remedy = "take one of the circle's dependsOn entries out"
                yield rule.at(each, "spec", "dependsOn", why=why, remedy=remedy)


def _is_child(one: Step, two: Step) -> bool:
    """Whether a step comes after another because a Kustomization waits for what it applies."""
    return one.kind == "Kustomization" and one.is_ready and two.is_ready
