"""K2: there is no schema for an object's kind.

Neither Kubernetes at this version nor Flux nor a known operator has it: it is misspelt, or was removed, as beta
versions are, or comes from a CRD that is not known here.

Bad:
    apiVersion: policy/v1beta1   # removed in 1.25
    kind: PodDisruptionBudget

Good:
    apiVersion: policy/v1
    kind: PodDisruptionBudget
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import schema
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.tree import Tree

rule = Rule("K2", Stage.SCHEMA, Severity.ERROR)


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each such object."""
    for verdict in schema.verdicts(tree):
        each = verdict.object
        if verdict.outcome is not schema.Outcome.ERROR or schema.is_without_schema(tree, each):
            continue
        versions = sorted(
            version for group, version, kind in schema.known(tree).kinds if (group, kind) == (each.group, each.kind)
        )
        there = f": there is {', '.join(versions)}" if versions else ""
        why = f"no schema for {each.api_version} {each.kind} in Kubernetes {tree.config.kubernetes}{there}"
        remedy = "correct apiVersion and kind, or put the CRD among the manifests"
        yield rule.at(each, "apiVersion", why=why, remedy=remedy)
