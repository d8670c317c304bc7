"""Namespaces: of the stage build where Flux renames one, of the stage schema where an object has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import kustomize, schema
from checks.findings import Finding, Severity, Stage
from checks.manifests import at
from checks.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model


@rule("B8", Stage.BUILD, Severity.ERROR)
def renamed_namespace(model: Model) -> Iterator[Finding]:
    """B8: targetNamespace renames a Namespace.

    Kustomize gives a Namespace among the objects the name in targetNamespace. Flux applies that, and so owns a
    namespace that may be another's, and deletes it with all that is in it when the Kustomization goes. The namespace
    that the file names is never made.

    Bad:
        spec: {targetNamespace: flux-system}
        ---
        kind: Namespace
        metadata: {name: shop}

    Good:
        spec: {targetNamespace: shop}
        ---
        kind: Namespace
        metadata: {name: shop}
    """
    for owner in model.tree.kustomizations:
        target = owner.spec.get("targetNamespace")
        is_its = target and not any(
            at(document.data, "namespace") == target
            for file in owner.reach.files
            if file.rpartition("/")[2] in kustomize.KUSTOMIZATION_FILES and file in model.tree.files
            for document in model.tree.files[file].documents
        )
        for each in owner.objects if is_its else ():
            name = str(at(each.source.data, "metadata", "name")) if each.source else each.name
            is_namespace = (each.api_version, each.kind, each.name) == ("v1", "Namespace", target)
            if is_namespace and name != target and "$" not in name:
                why = f"targetNamespace of {owner.id} renames the Namespace {name} to {target}, which Flux then owns"
                remedy = f"move the Namespace to another Kustomization, or set targetNamespace: {name}"
                yield renamed_namespace.at(each, "metadata", "name", why=why, remedy=remedy)


@rule("K5", Stage.SCHEMA, Severity.ERROR)
def no_namespace(model: Model) -> Iterator[Finding]:
    """K5: an object of a kind that has a namespace has none.

    Flux has no default namespace to apply it to ("namespace not specified"), and applies nothing of the Kustomization.

    Bad:
        kind: ConfigMap
        metadata: {name: settings}

    Good:
        kind: ConfigMap
        metadata: {name: settings, namespace: applications}
    """
    kinds = schema.known(model.tree).kinds.items()
    scopes = {(group, kind): is_namespaced for (group, _, kind), is_namespaced in kinds}
    for each in model.tree.objects:
        if each.kind == "CustomResourceDefinition":
            kind = (str(each.spec.get("group")), str(at(each.spec, "names", "kind")))
            scopes[kind] = each.spec.get("scope") == "Namespaced"
    for each in model.tree.objects:
        is_unset = not each.namespace and not at(each.built_data, "metadata", "namespace")
        if is_unset and scopes.get((each.group, each.kind)):
            why = f"{each.label} namespace not specified: Flux applies nothing of {each.owner}"
            remedy = f"set metadata.namespace, or targetNamespace in the spec of {each.owner}"
            yield no_namespace.at(each, "metadata", why=why, remedy=remedy)
