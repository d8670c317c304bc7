"""E18: a NetworkPolicy selects no pod that the tree makes.

It protects nothing, and nobody notices: labels were renamed, or another controller gives its pods others.

Bad:
    podSelector: {matchLabels: {app: load-harness-primary}}   # pods are labelled app: load-harness

Good:
    podSelector: {matchLabels: {app: load-harness}}
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.manifests import at, mapping
from checks.rule import Rule
from checks.selectors import selects
from checks.tree import GOTK_COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from checks.model import Model
    from checks.tree import Object

rule = Rule("E18", Stage.ORDER, Severity.ERROR)

SELECTED = ("app", "name", "app.kubernetes.io/name")
"""The labels that Flagger changes (its documentation, selector labels): the target's own pods are scaled to nothing."""


def check(model: Model) -> Iterator[Finding]:
    """One finding for each policy; a warning in a namespace in which a chart may make the pods."""
    canaries = {
        (str(at(each.spec, "targetRef", "kind")), each.namespace, str(at(each.spec, "targetRef", "name")))
        for each in model.tree.objects
        if (each.group, each.kind) == ("flagger.app", "Canary")
    }
    pods = [
        (each.namespace, labels)
        for each in model.tree.objects
        for labels in _pod_labels(each, is_canary=(each.kind, each.namespace, each.name) in canaries)
    ]
    of_charts = {
        str(release.object.spec.get("targetNamespace") or release.object.namespace) for release in model.flux.releases
    }
    for each in model.tree.objects:
        selector = mapping(each.spec.get("podSelector"))
        is_policy = (each.group, each.kind) == ("networking.k8s.io", "NetworkPolicy")
        if not is_policy or not selector or each.file.endswith(f"/{GOTK_COMPONENTS}"):
            continue
        if not any(namespace == each.namespace and selects(selector, labels) for namespace, labels in pods):
            why = f"it selects no pod that serves in {each.namespace or 'its namespace'}: it protects nothing"
            remedy = "let podSelector match the labels of the pod template that it means; Flagger's have -primary added"
            found = rule.at(each, "spec", "podSelector", why=why, remedy=remedy)
            yield replace(found, severity=Severity.WARNING) if each.namespace in of_charts else found


def _pod_labels(each: Object, *, is_canary: bool) -> Iterator[Mapping[str, Any]]:
    """The labels of the pods that an object is, or makes; of a Canary's target those that Flagger gives the primary."""
    for path in (("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
        template = at(each.manifest, *path)
        if at(template, "spec", "containers"):
            labels = mapping(at(template, "metadata", "labels"))
            yield {**labels, **{key: f"{labels[key]}-primary" for key in SELECTED if is_canary and key in labels}}
    if (each.api_version, each.kind) == ("v1", "Pod"):
        yield mapping(at(each.manifest, "metadata", "labels"))
