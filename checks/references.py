"""What the objects of a tree say of one another, and how far the tree is all that there is.

Flux's own objects are a closed world: a reference to one that the tree does not have leads nowhere, unless a part of
the tree was not followed. ConfigMaps and Secrets are an open one: an operator or a person may make them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from checks import envsubst, variables
from checks.flux import HELM_GROUP
from checks.manifests import at, listed, mapping, mappings
from checks.tree import FLUX_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from checks.charts import GroupKind
    from checks.tree import Kustomization, Object, Tree

SOURCE_GROUP = "source.toolkit.fluxcd.io"
KUSTOMIZATION, HELM_RELEASE = (FLUX_GROUP, "Kustomization"), (HELM_GROUP, "HelmRelease")

GENERATED = re.compile(r"-[bcdfghkmt2456789]{10}$")
"""The hash that kustomize puts behind a generated name (its api, hasher.encode)."""

COPIES = ("reflector.", "replicator.", "/sync")
"""In the keys of annotations by which reflector, replicator and config-syncer copy an object to other namespaces."""


@dataclass(frozen=True)
class Target:
    """What a reference names."""

    kind: GroupKind
    namespace: str
    name: str

    @property
    def id(self) -> str:
        """`<namespace>/<name>`, or the name alone."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def label(self) -> str:
        """What findings call it."""
        return f"{self.kind[1]} {self.id}"


@dataclass(frozen=True, eq=False)
class World:
    """The objects that Flux applies to its own cluster, by what references name."""

    tree: Tree

    @cached_property
    def objects(self) -> tuple[Object, ...]:
        """All objects, those that a Kustomization applies to another cluster (spec.kubeConfig) aside."""
        return tuple(each for each in self.tree.objects if each.owner not in self._elsewhere)

    @cached_property
    def _owners(self) -> Mapping[str, Kustomization]:
        return {each.id: each for each in self.tree.kustomizations}

    @cached_property
    def _elsewhere(self) -> frozenset[str]:
        """The Kustomizations that apply to another cluster; what those apply is not reconciled on this one."""
        found: set[str] = set()
        for each in self.tree.kustomizations:  # parents come before their children
            if each.spec.get("kubeConfig") or each.object.owner in found:
                found.add(each.id)
        return frozenset(found)

    @cached_property
    def _named(self) -> Mapping[Target, Object]:
        found = {
            Target((each.group, each.kind), each.namespace, each.name): each
            for each in self.objects
            if self.is_certain(each, "metadata", "name") and self.is_certain(each, "metadata", "namespace")
        }
        roots = (each.object for each in self.tree.kustomizations if not each.object.owner)
        return {Target(KUSTOMIZATION, each.namespace, each.name): each for each in roots} | found

    @cached_property
    def _vague(self) -> frozenset[GroupKind]:
        """The kinds some of whose objects have names or namespaces with variables whose values are not known."""
        return frozenset(
            (each.group, each.kind)
            for each in self.objects
            if not (self.is_certain(each, "metadata", "name") and self.is_certain(each, "metadata", "namespace"))
        )

    @cached_property
    def _root_sources(self) -> frozenset[Target]:
        """The sources of the roots, which whoever installs Flux makes."""
        return frozenset(
            Target((SOURCE_GROUP, str(source.get("kind"))), str(source.get("namespace") or root.namespace), str(name))
            for root in (each.object for each in self.tree.kustomizations if not each.object.owner)
            if (source := mapping(root.spec.get("sourceRef"))) and (name := source.get("name"))
        )

    @cached_property
    def _artifacts(self) -> frozenset[Target]:
        """The ExternalArtifacts that ArtifactGenerators make (source-watcher, ArtifactGenerator v1beta1)."""
        return frozenset(
            Target((SOURCE_GROUP, "ExternalArtifact"), each.namespace, str(artifact.get("name")))
            for each in self.objects
            if each.kind == "ArtifactGenerator"
            for artifact in mappings(each.spec.get("artifacts"))
        )

    def find(self, target: Target) -> Object | None:
        """The object that a reference names."""
        return self._named.get(target)

    def has(self, target: Target) -> bool:
        """Whether what a reference names is made by the tree, or by whoever installs Flux."""
        is_source = (
            target.kind[0] == SOURCE_GROUP and (target.kind[1], target.namespace, target.name) in self.tree.sources
        )
        return is_source or target in self._named or target in self._root_sources or target in self._artifacts

    def names(self, kind: GroupKind, namespace: str | None = None) -> list[str]:
        """The names of a kind's objects, in a namespace or in all of them."""
        return [each.name for each in self._named if each.kind == kind and namespace in (None, each.namespace)]

    def in_other_namespaces(self, target: Target) -> list[Object]:
        """The objects of the same kind and name that have another namespace."""
        return [
            each
            for other, each in self._named.items()
            if (other.kind, other.name) == (target.kind, target.name) and other.namespace != target.namespace
        ]

    @cached_property
    def is_whole(self) -> bool:
        """Whether everything that Flux applies was followed."""
        unfollowed = any(self.has(source) for each in self.tree.foreign for _, source in sources(each))
        generated = any(each.group == "fluxcd.controlplane.io" and each.kind == "ResourceSet" for each in self.objects)
        return not unfollowed and not generated and not self.tree.is_unbuilt(self.tree.kustomizations)

    def is_closed(self, kind: GroupKind) -> bool:
        """Whether the tree is known to have all objects of a kind of Flux's."""
        return self.is_whole and kind not in self._vague

    def is_certain(self, each: Object, *path: str | int) -> bool:
        """Whether a field has no variable in it whose value is not known."""
        value, owner = at(each.built_data, *path), self._owners.get(each.owner)
        if not isinstance(value, str) or "$" not in value or owner is None or owner.variables is None:
            return True
        try:
            uses = envsubst.parse(value).uses
        except envsubst.SubstitutionError:
            return False
        known = owner.variables or {}
        is_all = not any(True for _ in variables.sources(owner))
        return all(use.name in known or (use.has_default and is_all) for use in uses)

    def is_copied(self, each: Object) -> bool:
        """Whether something copies an object to other namespaces."""
        annotations = mapping(at(each.manifest, "metadata", "annotations"))
        return any(mark in key for key in annotations for mark in COPIES)

    @cached_property
    def _made(self) -> Mapping[Target, Object]:
        """The Secrets and ConfigMaps that controllers make out of objects of the tree."""
        return {target: each for each in self.objects for target in _makes(each)}

    def maker(self, target: Target) -> Object | None:
        """The object out of which a controller makes a Secret or ConfigMap."""
        return self._made.get(target) or self._made.get(Target(target.kind, "*", target.name))

    @cached_property
    def copies_by_policy(self) -> bool:
        """Whether a Kyverno policy of the tree generates objects."""
        policies = (each for each in self.objects if each.group in {"kyverno.io", "policies.kyverno.io"})
        return any(
            each.kind == "GeneratingPolicy" or any("generate" in rule for rule in mappings(each.spec.get("rules")))
            for each in policies
        )


def _makes(each: Object) -> Iterator[Target]:
    """The Secret or ConfigMap that a controller makes out of an object; `*` stands for all namespaces.

    Source: the documentation of external-secrets, sealed-secrets, cert-manager and trust-manager.
    """
    secret = ("", "Secret")
    match each.group, each.kind:
        case "external-secrets.io", "ExternalSecret":
            yield Target(secret, each.namespace, str(at(each.spec, "target", "name") or each.name))
        case "external-secrets.io", "ClusterExternalSecret":
            name = at(each.spec, "externalSecretSpec", "target", "name") or each.spec.get("externalSecretName")
            yield Target(secret, "*", str(name or each.name))
        case "bitnami.com", "SealedSecret":
            yield Target(secret, each.namespace, str(at(each.spec, "template", "metadata", "name") or each.name))
        case "cert-manager.io", "Certificate":
            yield Target(secret, each.namespace, str(each.spec.get("secretName")))
        case "trust.cert-manager.io", "Bundle":
            yield Target(secret, "*", each.name)
            yield Target(("", "ConfigMap"), "*", each.name)
        case _:
            pass


def sources(each: Object) -> Iterator[tuple[tuple[str | int, ...], Target]]:
    """The Flux sources that an object takes what it applies from: the field that names it, and what it names.

    Source: the API references of kustomize-controller, helm-controller, source-controller and source-watcher.
    """
    match each.group, each.kind:
        case ("kustomize.toolkit.fluxcd.io", "Kustomization") | ("source.toolkit.fluxcd.io", "HelmChart"):
            paths: list[tuple[str | int, ...]] = [("spec", "sourceRef")]
        case "helm.toolkit.fluxcd.io", "HelmRelease":
            paths = [("spec", "chart", "spec", "sourceRef"), ("spec", "chartRef")]
        case "source.extensions.fluxcd.io", "ArtifactGenerator":
            paths = [("spec", "sources", number) for number, _ in enumerate(listed(each.spec.get("sources")))]
        case _:
            return
    for path in paths:
        reference: Mapping[str, Any] = mapping(at(each.manifest, *path))
        if reference.get("kind") and reference.get("name"):
            # A HelmChart's source is in its own namespace; it has no field for another.
            other = None if each.kind == "HelmChart" else reference.get("namespace")
            kind = (SOURCE_GROUP, str(reference["kind"]))
            yield path, Target(kind, str(other or each.namespace), str(reference["name"]))
