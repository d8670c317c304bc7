"""E5: an object's namespace is not there when it is applied.

Namespaces of the same Kustomization come first, and those of one that it depends on are there. One that only a
HelmRelease of the same Kustomization creates, or a Kustomization that waits for this one, or nobody, never is
("namespaces \"x\" not found").

Bad:
    metadata: {name: grafana, namespace: monitoring}   # no Namespace monitoring anywhere

Good:
    kind: Namespace
    metadata: {name: monitoring}
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import networkx as nx

from checks import flux
from checks.findings import Finding, Severity, Stage
from checks.flux import Provider, Step
from checks.manifests import at
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model
    from checks.tree import Object

rule = Rule("E5", Stage.ORDER, Severity.ERROR)

TARGET = ("spec", "targetNamespace")
ALWAYS = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
"""The namespaces that every cluster has."""


def check(model: Model) -> Iterator[Finding]:
    """One finding for each object; a warning where the namespace comes in the end, but is not waited for."""
    makers = _makers(model)
    there = {*ALWAYS, model.tree.config.bootstrap.namespace}
    for each in model.tree.objects:
        for namespace, path in _needed(each):
            own = makers.get(namespace, [])
            if namespace in there or any(_is_before(model, each.owner, maker) for maker in own):
                continue
            why = f'namespaces "{namespace}" not found'
            use = _use(each, path)
            in_the_end = [maker for maker in own if not _waits(model, maker, use)]
            if in_the_end:
                maker = in_the_end[0]
                found = rule.at(
                    each,
                    *path,
                    why=f"{why}: it comes with {_label(maker)}, which {each.owner} does not wait for",
                    remedy=f"let {each.owner} depend on {maker.owner}, with wait: true, or move the Namespace",
                )
                yield replace(found, severity=Severity.WARNING)
            else:
                nobody = "no Namespace here creates it"
                late = f"{_label(own[0])} creates it, but only once {each.owner} is applied" if own else nobody
                remedy = f"add a Namespace {namespace} to {each.owner}, or to a Kustomization that it depends on"
                yield rule.at(each, *path, why=f"{why}: {late}", remedy=remedy)


def _makers(model: Model) -> dict[str, list[Provider]]:
    """Namespace → who creates it."""
    found: dict[str, list[Provider]] = {}
    for each in model.tree.objects:
        if (each.api_version, each.kind) == ("v1", "Namespace"):
            found.setdefault(each.name, []).append(Provider(each.owner, None))
    for release in model.flux.releases:
        spec = release.object.spec
        if at(spec, "install", "createNamespace") is True and spec.get("targetNamespace"):
            found.setdefault(str(spec["targetNamespace"]), []).append(Provider(release.object.owner, release))
    return found


def _is_before(model: Model, owner: str, maker: Provider) -> bool:
    """Whether a namespace is there by the time a Kustomization is dry-run."""
    is_waited_for = maker.owner in model.flux.before(owner)
    if maker.release is None:
        return is_waited_for or maker.owner in model.flux.above(owner)
    return is_waited_for and flux.waits_for(model.flux.kustomization(maker.owner), maker.release.object)


def _use(each: Object, path: tuple[str, ...]) -> Step:
    """When a namespace must be there: the target of a HelmRelease that is tried again, only once it is installed.

    Without retries, its first failure is its last (helm-controller, HelmRelease v2, "Install configuration").
    """
    retries = at(each.spec, "install", "remediation", "retries")
    is_retried = bool(retries) or at(each.spec, "install", "strategy", "name") == "RetryOnFailure"
    is_target = path == TARGET
    return Step("HelmRelease", each.id) if is_target and is_retried else flux.applied(each.owner)


def _waits(model: Model, maker: Provider, use: Step) -> bool:
    """Whether a namespace is made only once what needs it is done."""
    step = Step("HelmRelease", maker.release.id) if maker.release else flux.applied(maker.owner)
    return nx.has_path(model.flux.steps, step, use)


def _label(maker: Provider) -> str:
    return f"the HelmRelease {maker.release.id}" if maker.release else f"the Kustomization {maker.owner}"


def _needed(each: Object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The namespaces that must be there, with the field that says so."""
    if each.namespace:
        yield each.namespace, ("metadata", "namespace")
    target = each.spec.get("targetNamespace")
    if each.kind == "HelmRelease" and target and at(each.spec, "install", "createNamespace") is not True:
        yield str(target), TARGET
