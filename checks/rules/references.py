"""The stage order: what an object names, and whether it is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.flux import is_built_in, waits_for
from checks.manifests import at, mapping, mappings
from checks.references import (
    GENERATED,
    HELM_RELEASE,
    KUSTOMIZATION,
    SOURCE_GROUP,
    Target,
    World,
    sources,
)
from checks.rule import rule
from checks.suggest import hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from checks.model import Model
    from checks.tree import Object

SOURCES = ("GitRepository", "OCIRepository", "Bucket", "HelmRepository", "HelmChart", "ExternalArtifact")


def _is_suspended(each: Object) -> bool:
    return each.spec.get("suspend") is True


@rule("E23", Stage.ORDER, Severity.ERROR)
def missing_source(model: Model) -> Iterator[Finding]:
    """E23: a reference names a Flux source that does not exist.

    A sourceRef or chartRef without a namespace means the namespace of the object that has it. What takes its content
    from a source that is not there is never Ready ("helmrepositories.source.toolkit.fluxcd.io \"x\" not found"). It is
    a warning where a part of the tree could not be followed, which may make the source.

    Bad:
        kind: HelmRepository
        metadata: {name: charts, namespace: flux-system}
        ---
        kind: HelmRelease
        metadata: {name: web, namespace: shop}
        spec: {chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}}}}

    Good:
        spec: {chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts, namespace: flux-system}}}}
    """
    world = model.world
    unsure: dict[Target, list[tuple[Object, tuple[str | int, ...], str]]] = {}
    for each in world.objects:
        for path, source in () if _is_suspended(each) else sources(each):
            if world.has(source) or not _is_certain(world, each, path):
                continue
            others = world.in_other_namespaces(source)
            same_name = [kind for kind in SOURCES if world.has(replace(source, kind=(SOURCE_GROUP, kind)))]
            why = f"{source.label} not found"
            if others:
                there = ", ".join(sorted(other.id for other in others))
                implied = "" if at(each.manifest, *path, "namespace") else f", and {path[-1]} means {source.namespace}"
                why = f"{why}: there is {there}{implied}"
                remedy = _name_other(each, str(path[-1]), others[0])
            elif same_name:
                why, remedy = f"{why}: {source.id} is {_a(same_name[0])}", f"set kind: {same_name[0]} in {path[-1]}"
            else:
                names = world.names(source.kind, source.namespace)
                remedy = f"add the {source.kind[1]}, or correct {path[-1]}{hint(source.name, names)}"
            if others or (world.is_closed(source.kind) and source.kind[1] != "ExternalArtifact"):
                yield missing_source.at(each, *path, why=f"{why}: never Ready", remedy=remedy)
            else:
                unsure.setdefault(source, []).append((each, path, remedy))
    for source, entries in unsure.items():
        each, path, remedy = entries[0]
        more = f", which {len(entries) - 1} more name" if len(entries) > 1 else ""
        why = f"{source.label}{more}, not found in what was followed"
        yield missing_source.at(each, *path, why=why, remedy=remedy, severity=Severity.WARNING)


def _name_other(each: Object, field: str, other: Object) -> str:
    if each.kind == "HelmChart":
        return f"move one of them: a HelmChart's {field} cannot name another namespace"
    return f"set namespace: {other.namespace} in {field}"


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIO' else 'a'} {kind}"


def _is_certain(world: World, each: Object, path: tuple[str | int, ...]) -> bool:
    """Whether a reference has no variable whose value is not known, nor has the namespace that it means."""
    fields = (*((*path, field) for field in ("kind", "name", "namespace")), ("metadata", "namespace"))
    return all(world.is_certain(each, *field) for field in fields)


@rule("E24", Stage.ORDER, Severity.ERROR)
def missing_values(model: Model) -> Iterator[Finding]:
    """E24: valuesFrom names a ConfigMap or Secret, or a key of it, that does not exist.

    helm-controller reads it in the HelmRelease's own namespace, and its key values.yaml unless valuesKey names another
    ("could not resolve ConfigMap chart values reference"). Kustomize does not write the hash of a generated name into
    valuesFrom unless told to. A name that the tree does not have at all is a warning: something else may make it.

    Bad:
        configMapGenerator: [{name: web-values, files: [values.yaml]}]   # becomes web-values-7h2fm4d2t9
        ---
        valuesFrom: [{kind: ConfigMap, name: web-values}]

    Good:
        generatorOptions: {disableNameSuffixHash: true}
        configMapGenerator: [{name: web-values, files: [values.yaml]}]
        ---
        valuesFrom: [{kind: ConfigMap, name: web-values}]
    """
    for each in model.world.objects:
        if (each.group, each.kind) != HELM_RELEASE or _is_suspended(each):
            continue
        for number, entry in enumerate(mappings(each.spec.get("valuesFrom"))):
            path = ("spec", "valuesFrom", number)
            if entry.get("optional") is not True and _is_certain(model.world, each, path):
                yield from _values(model, each, path, entry)


def _values(model: Model, each: Object, path: tuple[str | int, ...], entry: Mapping[str, Any]) -> Iterator[Finding]:
    world = model.world
    target = Target(("", str(entry.get("kind"))), each.namespace, str(entry.get("name")))
    there = world.find(target)
    if world.maker(target) or (there and world.is_copied(there)):
        return
    if there:
        key = str(entry.get("valuesKey") or "values.yaml")
        keys = [*mapping(there.manifest.get("data")), *mapping(there.manifest.get("stringData"))]
        if key not in keys and key not in mapping(there.manifest.get("binaryData")):
            own = f"the key {keys[0]} alone" if len(keys) == 1 else f"the keys {', '.join(sorted(keys)) or 'none'}"
            why = f"missing key '{key}': {target.label} has {own}"
            remedy = f"set valuesKey to one of its keys, or name the key {key}"
            # What Flux merges into an object, or writes only once, others add keys to.
            is_shared = at(there.manifest, "metadata", "annotations", SSA) in {"IfNotPresent", "Merge", "Ignore"}
            severity = Severity.WARNING if is_shared else Severity.ERROR
            yield missing_values.at(each, *path, why=why, remedy=remedy, severity=severity)
        return
    if f"{target.kind[1]}/{target.id}" in model.tree.config.variables:
        return
    why = f"{target.label} not found"
    names = world.names(target.kind, target.namespace)
    hashed = [name for name in names if GENERATED.sub("", name) == target.name and GENERATED.search(name)]
    others = world.in_other_namespaces(target)
    if hashed:
        why = f"{why}: kustomize generates {hashed[0]}, and does not write that name into valuesFrom"
        remedy = "set generatorOptions.disableNameSuffixHash: true, or configure a nameReference for HelmRelease"
        yield missing_values.at(each, *path, why=why, remedy=remedy)
    elif others and not world.copies_by_policy and not any(map(world.is_copied, others)):
        there_is = ", ".join(sorted(other.id for other in others))
        why = f"{why}: there is {there_is}, and valuesFrom means {target.namespace}"
        remedy = f"move it to the namespace {target.namespace}, or the HelmRelease to {others[0].namespace}"
        yield missing_values.at(each, *path, why=why, remedy=remedy)
    elif not others:
        why = f"{why} in the tree: something else has to make it"
        remedy = f"correct the name, or check that it is there{hint(target.name, names)}"
        yield missing_values.at(each, *path, why=why, remedy=remedy, severity=Severity.WARNING)


SSA = "kustomize.toolkit.fluxcd.io/ssa"

WORKLOADS = frozenset({("apps", kind) for kind in ("DaemonSet", "Deployment", "StatefulSet")} | {("batch", "Job")})


@rule("E25", Stage.ORDER, Severity.ERROR)
def missing_health_check(model: Model) -> Iterator[Finding]:
    """E25: healthChecks names an object that does not exist.

    The Kustomization waits for it until its timeout, each time, and is never Ready ("timeout waiting for … status:
    'NotFound'"). What a chart or an operator may make is not looked for. Where a part of the tree could not be
    followed, or the tree does not make the namespace, it is a warning.

    Bad:
        healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: wep, namespace: shop}]   # it is called web

    Good:
        healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: web, namespace: shop}]
    """
    world = model.world
    # Of what was not followed the health checks name its own objects.
    followed = {owner.id for owner in model.tree.kustomizations if not model.tree.is_unbuilt([owner])}
    for each in world.objects:
        # With wait, healthChecks are not read.
        is_read = (each.group, each.kind) == KUSTOMIZATION and each.spec.get("wait") is not True
        if not is_read or _is_suspended(each) or each.spec.get("kubeConfig") or each.id not in followed:
            continue
        for number, entry in enumerate(mappings(each.spec.get("healthChecks"))):
            path = ("spec", "healthChecks", number)
            group = str(entry.get("apiVersion")).rpartition("/")[0]
            target = Target((group, str(entry.get("kind"))), str(entry.get("namespace") or ""), str(entry.get("name")))
            is_flux = group.endswith(".toolkit.fluxcd.io")
            if world.has(target) or not _is_certain(world, each, path) or not (is_flux or _is_known(model, target)):
                continue
            others = world.in_other_namespaces(target)
            near = hint(target.name, world.names(target.kind, target.namespace))
            there = f": there is {others[0].id}" if others else ""
            is_error = world.is_closed(target.kind) and (is_flux or target.namespace in _namespaces(world))
            yield missing_health_check.at(
                each,
                *path,
                why=f"{target.label} not found{there}: {each.name} would wait for it until its timeout, each time",
                remedy=f"name the namespace {others[0].namespace}" if others else f"name an object that is there{near}",
                severity=Severity.ERROR if is_error else Severity.WARNING,
            )


PASSIVE = frozenset(
    {
        *("ExternalSecret", "SecretStore", "SealedSecret", "Certificate", "Issuer", "ServiceMonitor", "PodMonitor"),
        *("PrometheusRule", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute", "ReferenceGrant"),
        *("CiliumNetworkPolicy", "TargetGroupBinding", "ScaledObject", "VerticalPodAutoscaler", "Kustomization"),
    }
)
"""The custom kinds out of which no operator makes workloads; nor does it of Flux's others than HelmRelease."""


def _is_known(model: Model, target: Target) -> bool:
    """Whether nothing but the tree is known that would make an object: no chart, and no operator, in its namespace."""
    return target.kind in WORKLOADS and not any(
        target.namespace in {each.namespace, str(each.spec.get("targetNamespace"))}
        for each in model.world.objects
        if (each.group, each.kind) == HELM_RELEASE
        or not (is_built_in(each.group) or each.group.endswith(".toolkit.fluxcd.io") or each.kind in PASSIVE)
    )


def _namespaces(world: World) -> set[str]:
    """Those that the tree makes."""
    return set(world.names(("", "Namespace"))) - {world.tree.config.bootstrap.namespace}


@rule("E26", Stage.ORDER, Severity.ERROR)
def suspended(model: Model) -> Iterator[Finding]:
    """E26: something waits for an object that is suspended.

    A suspended Kustomization is never Ready, since Flux does not look at what changed in it. A HelmRelease or a source
    that is suspended from the start never gets Ready on a new cluster. What depends on it waits for ever
    ("dependency 'flux-system/x' is not ready").

    Bad:
        metadata: {name: infrastructure}
        spec: {suspend: true}
        ---
        metadata: {name: applications}
        spec: {dependsOn: [{name: infrastructure}]}

    Good:
        metadata: {name: infrastructure}
        spec: {suspend: false}
    """
    world = model.world
    for each in world.objects:
        if (each.group, each.kind) not in {KUSTOMIZATION, HELM_RELEASE} or _is_suspended(each):
            continue
        for number, entry in enumerate(mappings(each.spec.get("dependsOn"))):
            namespace = str(entry.get("namespace") or each.namespace)
            target = Target((each.group, each.kind), namespace, str(entry.get("name")))
            other = world.find(target)
            if other and _is_suspended(other) and not entry.get("readyExpr"):
                why = f"it depends on {target.id}, which is suspended: it is never Ready on a new cluster"
                remedy = f"take the dependency out, or suspend: true out of {target.id}"
                yield suspended.at(each, "spec", "dependsOn", number, why=why, remedy=remedy)
        for path, source in sources(each):
            other = world.find(source)
            # An OCI HelmRepository is not reconciled at all.
            if other and _is_suspended(other) and other.spec.get("type") != "oci":
                why = f"{source.label} is suspended: a new cluster never gets what it holds"
                remedy = f"take suspend: true out of {source.label}, or suspend {each.name} too"
                yield suspended.at(each, *path, why=why, remedy=remedy, severity=Severity.WARNING)
    for owner in model.tree.kustomizations:
        for child in owner.objects:
            is_one = (child.group, child.kind) == KUSTOMIZATION and child.id != owner.id
            if is_one and _is_suspended(child) and not _is_suspended(owner.object) and waits_for(owner, child):
                why = f"{owner.id} waits for it, and it is suspended: {owner.id} is never Ready"
                remedy = f"take suspend: true out, or let {owner.id} not wait for it"
                yield suspended.at(child, "spec", "suspend", why=why, remedy=remedy)
