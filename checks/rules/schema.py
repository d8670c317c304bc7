"""The stage schema: whether the API server takes the fields of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import schema
from checks.charts import that_install
from checks.findings import Finding, Severity, Stage
from checks.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model


@rule("K1", Stage.SCHEMA, Severity.ERROR)
def schema_violation(model: Model) -> Iterator[Finding]:
    """K1: an object is not as the API server's schema has it.

    The API server refuses the object at Flux's dry-run, and with it every other object of the same stage; a field that
    it does not know is dropped there in silence, so that a misspelt one does nothing.

    Bad:
        spec:
          replicaCount: 2   # a Deployment has no such field

    Good:
        spec:
          replicas: 2
    """
    for verdict in model.verdicts:
        if verdict.outcome is not schema.Outcome.INVALID:
            continue
        kind = f"{verdict.object.api_version} {verdict.object.kind}"
        for path, message in verdict.problems or (((), verdict.message),):
            where = ".".join(map(str, path)) or "the object"
            remedy = f"correct {where} to what {kind} takes in Kubernetes {model.tree.config.kubernetes}"
            yield schema_violation.at(verdict.object, *path, why=f"{where}: {message}", remedy=remedy)


@rule("K2", Stage.SCHEMA, Severity.ERROR)
def unknown_kind(model: Model) -> Iterator[Finding]:
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
        yield unknown_kind.at(each, "apiVersion", why=why, remedy=remedy)


@rule("K3", Stage.SCHEMA, Severity.NOTE)
def unchecked_fields(model: Model) -> Iterator[Finding]:
    """K3: an object's kind is known, but not its fields.

    A chart of the table installs its CRD, or the tree does, but no schema of it is available here. A misspelt field
    would not be noticed.

    Bad:
        apiVersion: elbv2.k8s.aws/v1beta1
        kind: TargetGroupBinding

    Good:
        # nothing to do but to read twice
    """
    for verdict in model.verdicts:
        each = verdict.object
        if verdict.outcome is schema.Outcome.ERROR and schema.is_without_schema(model.flux, each):
            charts = that_install((each.group, each.kind))
            source = f"the CRDs of {' or '.join(charts)} are" if charts else "its CRD is"
            why = f"its fields were not checked: {source} not among the schemas"
            remedy = "check its fields against the chart's documentation"
            yield unchecked_fields.at(each, "kind", why=why, remedy=remedy)
