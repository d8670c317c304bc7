"""The stage schema: whether the API server takes the fields of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import schema, schema_fields
from checks.entry import NEWEST
from checks.findings import Finding, Severity, Stage
from checks.flux import is_built_in
from checks.rule import rule
from checks.suggest import near

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model
    from checks.tree import Object


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
            if not schema.is_certain(model.tree, verdict, path):
                continue
            where = ".".join(map(str, path)) or "the object"
            remedy = f"correct {where} to what {kind} takes in Kubernetes {model.tree.config.kubernetes}"
            if meant := _meant(model, verdict.object, path, message):
                remedy = f"did you mean {meant}? Otherwise {remedy}"
            yield schema_violation.at(verdict.object, *path, why=f"{where}: {message}", remedy=remedy)


def _meant(model: Model, each: Object, path: tuple[str | int, ...], message: str) -> str:
    """The field that a misspelt one may have meant, empty if none is like it."""
    if not message.startswith("unknown field"):
        return ""
    kind = (each.group, each.api_version.rpartition("/")[2], each.kind)
    return near(str(path[-1]), schema_fields.fields(schema.known(model.tree), kind, path[:-1]))


@rule("K2", Stage.SCHEMA, Severity.ERROR)
def unknown_kind(model: Model) -> Iterator[Finding]:
    """K2: the API server does not serve a kind, or this version of it.

    The kind is misspelt, or its version was removed, as beta versions are. A group is known if Kubernetes, Flux or a
    known operator has it, or a CRD of the tree. Less certain, and a warning: an alpha or beta version, which an API
    server serves only when told to; a version of Flux's kinds on a cluster with an older Flux; a new kind of a known
    operator's group.

    Bad:
        apiVersion: policy/v1beta1   # removed in 1.25
        kind: PodDisruptionBudget

    Good:
        apiVersion: policy/v1
        kind: PodDisruptionBudget
    """
    kinds = schema.served(model.tree)
    groups = {group for group, _, _ in kinds}
    for verdict in model.verdicts:
        each = verdict.object
        if verdict.outcome is not schema.Outcome.ERROR or each.group not in groups or _is_declared(model, each):
            continue
        versions = sorted(version for group, version, kind in kinds if (group, kind) == (each.group, each.kind))
        is_certain = bool(versions) or is_built_in(each.group) or each.group.endswith(FLUX)
        version = each.api_version.rpartition("/")[2]
        why = f'no matches for kind "{each.kind}" in version "{each.api_version}"'
        remedy = f"set apiVersion to {each.group and f'{each.group}/'}{versions[-1]}" if versions else ""
        if (each.group, version, each.kind) in schema.known(model.tree).off:
            is_certain = False
            why = f"{why}, unless the API server is told to serve it"
        elif each.group.endswith(FLUX) and (model.tree.entry.version or NEWEST) < NEWEST:
            is_certain = False
            why = f"{why} in Flux {'.'.join(map(str, NEWEST))}, and this cluster has an older one"
        if not versions and (meant := near(each.kind, {kind for group, _, kind in kinds if group == each.group})):
            remedy = f"did you mean {meant}? Otherwise correct apiVersion, or put the CRD among the manifests"
        there = f": served is {', '.join(versions)}" if versions else f" in Kubernetes {model.tree.config.kubernetes}"
        yield unknown_kind.at(
            each,
            "apiVersion",
            why=f"{why}{there}",
            remedy=remedy or "correct apiVersion and kind, or put the CRD among the manifests",
            severity=None if is_certain else Severity.WARNING,
        )


FLUX = ".fluxcd.io"
"""How the groups of Flux's kinds end; flux-operator's is no known one."""


def _is_declared(model: Model, each: Object) -> bool:
    """Whether the settings say that this very version is served."""
    return f"{each.api_version}/{each.kind}" in model.tree.config.served


@rule("K3", Stage.SCHEMA, Severity.NOTE)
def unchecked_fields(model: Model) -> Iterator[Finding]:
    """K3: there is no schema for an object's kind, so its fields were not checked.

    Its API group is not known here, or checks.yaml declares the kind as served: a misspelt field, or kind, would not be
    noticed. `schemas` of checks.yaml may name some.

    Bad:
        apiVersion: elbv2.k8s.aws/v1beta1
        kind: TargetGroupBinding

    Good:
        # checks.yaml
        schemas: ["schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"]
    """
    groups = {group for group, _, _ in schema.served(model.tree)}
    for verdict in model.verdicts:
        each = verdict.object
        if verdict.outcome is schema.Outcome.ERROR and (each.group not in groups or _is_declared(model, each)):
            charts = model.flux.that_install((each.group, each.kind))
            source = f": {' or '.join(charts)} brings its CRD" if charts else ""
            why = f"its fields were not checked: there is no schema for {each.api_version} {each.kind}{source}"
            remedy = f"check the fields of {each.group} against its documentation, or name its schemas in `schemas`"
            yield unchecked_fields.at(each, "kind", why=why, remedy=remedy)
