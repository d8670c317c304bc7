"""I6: a part of the image flow leads nowhere.

A policy without its repository is never Ready, an automation without its source neither; a policy that no marker
names updates nothing.

Bad:
    kind: ImagePolicy
    spec: {imageRepositoryRef: {name: load-harnes}}

Good:
    kind: ImagePolicy
    spec: {imageRepositoryRef: {name: load-harness}}
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from checks import images
from checks.findings import Finding, Severity, Stage
from checks.manifests import mapping
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model
    from checks.tree import Object

rule = Rule("I6", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each loose end; a policy that no marker names is a warning."""
    repositories = {each.id for each in images.of_kind(model.tree, "ImageRepository")}
    sources = {each.id for owner in model.tree.kustomizations for each in owner.objects if each.kind == "GitRepository"}
    named = {marker.policy for marker in model.markers}
    for each in images.of_kind(model.tree, "ImagePolicy"):
        wanted = _target(each, "imageRepositoryRef")
        if wanted not in repositories:
            why = f"there is no ImageRepository {wanted}: no tag is ever chosen"
            yield rule.at(each, "spec", "imageRepositoryRef", why=why, remedy="name one that is there")
        if each.id not in named:
            why, remedy = "no marker names it: it updates nothing", "put a marker beside a tag, or take the policy out"
            yield replace(rule.at(each, why=why, remedy=remedy), severity=Severity.WARNING)
    for each in images.of_kind(model.tree, "ImageUpdateAutomation"):
        wanted = _target(each, "sourceRef")
        if wanted not in sources:
            why = f"there is no GitRepository {wanted}: nothing is ever written"
            yield rule.at(each, "spec", "sourceRef", why=why, remedy="name one that is there")


def _target(each: Object, field: str) -> str:
    reference = mapping(each.spec.get(field))
    return f"{reference.get('namespace') or each.namespace}/{reference.get('name')}"
