"""Kubernetes' own kinds: JSON schemas from the Python package kubernetes-validate, one self-contained file a kind.

Source: the OpenAPI document of each minor version, as definitions that refuse unknown fields (kubernetes-validate's
folder v<minor>.0-local-strict). Alpha and beta versions are left out: since Kubernetes 1.24 a cluster serves a new one
only when told to (KEP-3136), and EKS tells it nothing.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = tuple[str, str, str]
"""Group (empty for the core), version, kind."""

PACKAGE = "kubernetes-validate"

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

SUBRESOURCES = frozenset({"Eviction", "Scale", "TokenRequest"})
"""Kinds with metadata that exist only beneath another object, so that no manifest can be applied as one."""

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ComponentStatus",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "SelfSubjectAccessReview",
        "SelfSubjectReview",
        "SelfSubjectRulesReview",
        "ServiceCIDR",
        "StorageClass",
        "SubjectAccessReview",
        "TokenReview",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    }
)
"""The definitions do not say it. Source: Kubernetes 1.36's API reference, the paths without a namespace."""

Definitions = dict[str, dict[str, Any]]
"""Schemas by their full name, such as io.k8s.api.core.v1.Pod; they refer to each other as #/$defs/<name>."""


def version() -> str:
    """The version of the package. Raises FleetError if it is not installed."""
    return _distribution().version


def definitions(minor: str) -> Definitions:
    """The definitions of a Kubernetes minor version, such as 1.36.

    Raises FleetError if the package is not installed or does not know the version.
    """
    folder = _distribution().locate_file(f"kubernetes_validate/kubernetes-json-schema/v{minor}.0-local-strict")
    file = Path(str(folder)) / "_definitions.json"
    if not file.exists():
        raise CannotRunError(
            f"{PACKAGE} {version()} knows no Kubernetes {minor}: install one that does, or check another"
        )
    return {name: _cleaned(schema) for name, schema in json.loads(file.read_text("utf-8"))["$defs"].items()}


def schemas(known: Definitions) -> Iterator[tuple[Kind, bool, dict[str, Any]]]:
    """Each kind that a cluster serves, whether it is namespaced, and its schema."""
    for name, definition in known.items():
        for each in definition.get("x-kubernetes-group-version-kind", ()):
            served = re.fullmatch(r"v\d+", each["version"]) and each["kind"] not in SUBRESOURCES
            if served and definition["properties"].get("metadata", {}).get("$ref") == f"#/$defs/{OBJECT_META}":
                schema = {**definition, "required": ["apiVersion", "kind"], "$defs": closure(name, known)}
                yield (each["group"], each["version"], each["kind"]), each["kind"] not in CLUSTER_SCOPED, schema


def off(known: Definitions) -> set[Kind]:
    """The kinds of alpha and beta versions."""
    return {
        (each["group"], each["version"], each["kind"])
        for definition in known.values()
        for each in definition.get("x-kubernetes-group-version-kind", ())
        if not re.fullmatch(r"v\d+", each["version"])
        and definition.get("properties", {}).get("metadata", {}).get("$ref") == f"#/$defs/{OBJECT_META}"
    }


def file_name(kind: Kind) -> str:
    """As kubeconform's {{.ResourceKind}}{{.KindSuffix}}.json: deployment-apps-v1.json, service-v1.json."""
    group, served, name = kind
    return "-".join(part for part in (name.lower(), group.split(".")[0], served) if part) + ".json"


def closure(name: str, known: Definitions) -> Definitions:
    """All definitions that one refers to, itself apart unless it is recursive."""
    found: Definitions = {}
    waiting = list(_references(known[name]))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found[each] = known[each]
            waiting += _references(known[each])
    return found


def _distribution() -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise CannotRunError(f"{PACKAGE} is not installed: install requirements/checks.txt") from None


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        mapping = cast("Mapping[str, Any]", value)
        if isinstance(reference := mapping.get("$ref"), str):
            yield reference.removeprefix("#/$defs/")
        for each in mapping.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _references(each)


def _cleaned(schema: dict[str, Any]) -> dict[str, Any]:
    """Without its descriptions, which are most of it; and of several types null may be each, where it may be one."""
    cleaned = {key: value for key, value in schema.items() if key != "description"}
    if "properties" in cleaned:
        properties: Mapping[str, dict[str, Any]] = cleaned["properties"]
        cleaned["properties"] = {
            name: {key: value for key, value in each.items() if key != "description"}
            for name, each in properties.items()
        }
    if "oneOf" in cleaned:
        cleaned["anyOf"] = cleaned.pop("oneOf")
    return cleaned
