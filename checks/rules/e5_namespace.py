"""E5: an object's namespace is not there when it is applied.

Namespaces of the same Kustomization come first, and those of one that it depends on are there. One that only a
HelmRelease of the same Kustomization creates, or nobody, is not ("namespaces \"x\" not found").

Bad:
    metadata: {name: grafana, namespace: monitoring}   # no Namespace monitoring anywhere

Good:
    kind: Namespace
    metadata: {name: monitoring}
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from checks import flux
from checks.findings import Finding, Severity, Stage
from checks.manifests import at
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.tree import Object, Tree

rule = Rule("E5", Stage.ORDER, Severity.ERROR)

ALWAYS = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
"""The namespaces that every cluster has."""


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each object; a warning where the namespace comes with a Kustomization that is not waited for."""
    makers = _makers(tree)
    there = {*ALWAYS, tree.config.bootstrap.namespace}
    graph = flux.order(tree)
    for each in tree.objects:
        for namespace, path in _needed(each):
            owners = makers.get(namespace, set())
            before = {*flux.above(tree, each.owner), *flux.after(graph, each.owner)}
            if namespace in there or owners & before:
                continue
            why = f'namespaces "{namespace}" not found'
            if owners:
                other = min(owners)
                found = rule.at(
                    each,
                    *path,
                    why=f"{why}: it comes with the Kustomization {other}, which {each.owner} does not wait for",
                    remedy=f"let {each.owner} depend on {other}, or move the Namespace",
                )
                yield replace(found, severity=Severity.WARNING)
            else:
                remedy = f"add a Namespace {namespace} to {each.owner}, or to a Kustomization that it depends on"
                yield rule.at(each, *path, why=f"{why}: no Namespace here creates it", remedy=remedy)


def _makers(tree: Tree) -> dict[str, set[str]]:
    """Namespace → the Kustomizations that create it, alone or by a HelmRelease that a later one may count on."""
    found: dict[str, set[str]] = {}
    for each in tree.objects:
        if (each.api_version, each.kind) == ("v1", "Namespace"):
            found.setdefault(each.name, set()).add(each.owner)
    for release in flux.releases(tree):
        spec = release.object.spec
        if at(spec, "install", "createNamespace") is True:
            owner = flux.kustomization(tree, release.object.owner)
            for later in tree.kustomizations:
                if owner.id in flux.after(flux.order(tree), later.id) and flux.waits_for(owner, release):
                    found.setdefault(str(spec.get("targetNamespace")), set()).add(later.id)
    return found


def _needed(each: Object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The namespaces that must be there, with the field that says so."""
    if each.namespace:
        yield each.namespace, ("metadata", "namespace")
    target = each.spec.get("targetNamespace")
    if each.kind == "HelmRelease" and target and at(each.spec, "install", "createNamespace") is not True:
        yield str(target), ("spec", "targetNamespace")
