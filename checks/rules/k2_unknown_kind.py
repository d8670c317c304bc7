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

    from checks.model import Model

rule = Rule("K2", Stage.SCHEMA, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such object."""
    for verdict in model.verdicts:
        each = verdict.object
        if verdict.outcome is not schema.Outcome.ERROR or schema.is_without_schema(model.flux, each):
            continue
        versions = sorted(
            version
            for group, version, kind in schema.known(model.tree).kinds
            if (group, kind) == (each.group, each.kind)
        )
        there = f": there is {', '.join(versions)}" if versions else ""
        why = f"no schema for {each.api_version} {each.kind} in Kubernetes {model.tree.config.kubernetes}{there}"
        remedy = "correct apiVersion and kind, or put the CRD among the manifests"
        yield rule.at(each, "apiVersion", why=why, remedy=remedy)
