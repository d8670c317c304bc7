"""Where Flux begins on a cluster: the first Flux Kustomization, its source, and how Flux is installed.

The tree says so in gotk-sync.yaml (`flux bootstrap`), in a FluxInstance or the values of its chart (flux-operator), or
in a Flux Kustomization that applies its own folder. The settings win over all of them.
Source: fluxcd/flux2 bootstrap; flux-operator's documentation, FluxInstance (spec.sync.name: by default its namespace).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from checks.manifests import at, listed, mapping, mappings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.config import Config
    from checks.config import Source as DeclaredSource
    from checks.manifests import Document

FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
SOURCE_GROUP = "source.toolkit.fluxcd.io"
OPERATOR_GROUP = "fluxcd.controlplane.io"
GOTK_COMPONENTS, GOTK_SYNC = "gotk-components.yaml", "gotk-sync.yaml"

NEWEST = (2, 9)
"""The minor version of Flux whose schemas are built in."""
STRICT_SINCE = (2, 9)
"""Since when a variable without a value fails a build (kustomize-controller 1.9, StrictPostBuildSubstitutions)."""

SourceId = tuple[str, str, str]
"""Kind, namespace and name of a Flux source."""


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A YAML file of the repository."""

    name: str
    text: str
    documents: tuple[Document, ...]
    """Empty if it is not YAML, which yamllint reports."""
    broken: bool = False
    """Whether it is not UTF-8."""


class Origin(Enum):
    """Who makes the first Flux Kustomization."""

    BOOTSTRAP = "flux bootstrap"
    INSTANCE = "flux-operator"
    TREE = "the tree itself"
    ASSUMED = "assumed"
    """`flux bootstrap`, for want of anything that says otherwise."""


@dataclass(frozen=True, eq=False)
class Entry:
    """Where Flux begins."""

    origin: Origin
    manifest: Mapping[str, Any]
    """The first Flux Kustomization."""
    file: str
    document: Document | None
    """What says so; None if nothing does."""
    source: SourceId
    ignore: tuple[str, ...] = ()
    """The lines of the source's spec.ignore."""
    patches: tuple[Mapping[str, Any], ...] = ()
    """Of what flux-operator installs, and of what it makes."""
    components: frozenset[str] | None = None
    """What is installed, if the settings or the tree say so."""
    version: tuple[int, int] | None = None
    """Flux's minor version, if the settings or the tree say so."""
    flags: str = ""
    """The arguments of Flux's controllers that the tree sets, as text."""

    @property
    def is_strict(self) -> bool:
        """Whether a variable without a value fails a build."""
        if set_to := re.search(r"StrictPostBuildSubstitutions=(true|false)", self.flags):
            return set_to[1] == "true"
        return (self.version or NEWEST) >= STRICT_SINCE

    @property
    def refuses_remote_bases(self) -> bool:
        """Whether kustomize-controller is told to (--no-remote-bases, off by default)."""
        return re.search(r"--no-remote-bases(?!=false)", self.flags) is not None


def find(config: Config, files: Mapping[str, SourceFile]) -> Entry:
    """Find where Flux begins, in the settings and the files of one cluster."""
    bootstrap = config.bootstrap
    instances = [each for each in _instances(files, bootstrap.namespace) if each.path in (None, bootstrap.path)]
    instance = next((each for each in instances if each.path), next(iter(instances), None))
    origin, file, document = _first(config, files, instance)
    own = mapping(document.data) if document and origin is not Origin.INSTANCE else None
    source = source_of(own, bootstrap.namespace) if own else None
    if instance and instance.path and source is None:
        source = instance.source
    if bootstrap.source:
        source = declared(bootstrap.source, bootstrap.namespace)
    if source is None:
        source = ("GitRepository", bootstrap.namespace, bootstrap.namespace)
    text = "".join(each.text for name, each in files.items() if name.startswith(_folder(bootstrap.path)))
    return Entry(
        origin,
        _with_source(own, source, bootstrap.namespace) if own else made_up(config, source),
        file,
        document,
        source,
        ignore=_ignore(files, source),
        patches=instance.patches if instance else (),
        components=_components(config, files, instance),
        version=_version(config, files, instance),
        flags=f"{text} {instance.patches if instance else ''}" if _FLAGS.search(text) or instance else "",
    )


def declared(source: DeclaredSource, namespace: str) -> SourceId:
    """A source of the settings."""
    return (source.kind.value, source.namespace or namespace, source.name)


def path_of(manifest: Any) -> str:
    """The path of a Flux Kustomization from the repository's root, without ./ before it; the root is the uppermost."""
    return _path(at(manifest, "spec", "path"))


def source_of(manifest: Any, namespace: str = "") -> SourceId:
    """The source of a Flux Kustomization; `namespace` is that of one that names none."""
    reference = mapping(at(manifest, "spec", "sourceRef"))
    own = str(at(manifest, "metadata", "namespace") or namespace)
    return (str(reference.get("kind")), str(reference.get("namespace") or own), str(reference.get("name")))


def is_flux_kustomization(manifest: Any) -> bool:
    """Whether it is one, and no kustomization file."""
    return at(manifest, "kind") == "Kustomization" and str(at(manifest, "apiVersion")).startswith(f"{FLUX_GROUP}/")


def made_up(config: Config, source: SourceId) -> dict[str, Any]:
    """The Flux Kustomization that `flux bootstrap` and flux-operator make."""
    kind, namespace, name = source
    own = config.bootstrap.namespace
    reference = {"kind": kind, "name": name, **({"namespace": namespace} if namespace != own else {})}
    return {
        "apiVersion": f"{FLUX_GROUP}/v1",
        "kind": "Kustomization",
        "metadata": {"name": own, "namespace": own},
        "spec": {"interval": "10m0s", "path": f"./{config.bootstrap.path}", "prune": True, "sourceRef": reference},
    }


@dataclass(frozen=True, eq=False)
class _Instance:
    """A FluxInstance, or a HelmRelease of its chart."""

    file: str
    document: Document
    path: str | None
    """Of spec.sync; None without."""
    source: SourceId
    patches: tuple[Mapping[str, Any], ...]
    components: tuple[str, ...]
    version: str


def _instances(files: Mapping[str, SourceFile], namespace: str) -> Iterator[_Instance]:
    for file in files.values():
        for document in file.documents:
            kind, group = at(document.data, "kind"), str(at(document.data, "apiVersion")).partition("/")[0]
            if (kind, group) == ("FluxInstance", OPERATOR_GROUP):
                spec = mapping(at(document.data, "spec"))
            elif kind == "HelmRelease" and isinstance(at(document.data, "spec", "values", "instance"), dict):
                spec = mapping(at(document.data, "spec", "values", "instance"))
            else:
                continue
            own = str(at(document.data, "metadata", "namespace") or namespace)
            sync = mapping(spec.get("sync"))
            yield _Instance(
                file.name,
                document,
                _path(sync.get("path")) if sync else None,
                (str(sync.get("kind") or "GitRepository"), own, str(sync.get("name") or own)),
                tuple(mappings(at(spec, "kustomize", "patches"))),
                tuple(str(each) for each in listed(spec.get("components"))),
                str(at(spec, "distribution", "version") or ""),
            )


def _first(
    config: Config, files: Mapping[str, SourceFile], instance: _Instance | None
) -> tuple[Origin, str, Document | None]:
    """Who makes the first Flux Kustomization, and the document that says so."""
    bootstrap = config.bootstrap
    beneath = [file for name, file in files.items() if name.startswith(_folder(bootstrap.path))]
    written = f"{bootstrap.folder}/{GOTK_SYNC}"
    for file in sorted(beneath, key=lambda each: each.name != written):
        for document in file.documents if file.name.rpartition("/")[2] == GOTK_SYNC else ():
            if is_flux_kustomization(document.data):
                return Origin.BOOTSTRAP, file.name, document
    if instance and instance.path:
        return Origin.INSTANCE, instance.file, instance.document
    others = [file for file in files.values() if file not in beneath]
    for file in [*beneath, *others]:
        for document in file.documents:
            if is_flux_kustomization(document.data) and path_of(document.data) == bootstrap.path:
                return Origin.TREE, file.name, document
    return (Origin.INSTANCE if instance else Origin.ASSUMED), written, None


def _with_source(manifest: Mapping[str, Any], source: SourceId, namespace: str) -> Mapping[str, Any]:
    """The first Flux Kustomization as it is on the cluster: with a namespace, and with the source of the settings."""
    metadata = {"namespace": namespace, **mapping(manifest.get("metadata"))}
    kind, of, name = source
    reference = {**mapping(at(manifest, "spec", "sourceRef")), "kind": kind, "name": name}
    if of != metadata["namespace"]:
        reference["namespace"] = of
    return {**manifest, "metadata": metadata, "spec": {**mapping(manifest.get("spec")), "sourceRef": reference}}


def _ignore(files: Mapping[str, SourceFile], source: SourceId) -> tuple[str, ...]:
    """The spec.ignore of a source that stands in the tree; its namespace may be set by kustomize."""
    kind, _, name = source
    for file in files.values():
        for document in file.documents:
            is_it = (at(document.data, "kind"), at(document.data, "metadata", "name")) == (kind, name)
            if is_it and isinstance(said := at(document.data, "spec", "ignore"), str):
                return tuple(said.splitlines())
    return ()


def _components(config: Config, files: Mapping[str, SourceFile], instance: _Instance | None) -> frozenset[str] | None:
    if config.bootstrap.declares_components:
        return frozenset(config.bootstrap.components)
    if instance:
        return frozenset(instance.components or config.bootstrap.components)
    for file in _gotk(config, files):
        if said := re.search(r"^# Components: (\S+)", file.text, re.MULTILINE):
            return frozenset(said[1].split(","))
    return None


def _version(config: Config, files: Mapping[str, SourceFile], instance: _Instance | None) -> tuple[int, int] | None:
    said = [
        config.flux,
        *(found[1] or found["label"] for file in _gotk(config, files) if (found := _GOTK_VERSION.search(file.text))),
    ]
    said += [instance.version] if instance else []
    for file in files.values():
        # Flux that is installed from its manifests' OCI artifact.
        for document in file.documents if "flux-manifests" in file.text else ():
            if str(at(document.data, "spec", "url")).rstrip("/").endswith("/flux-manifests"):
                said.append(str(at(document.data, "spec", "ref", "tag") or ""))
    found = (_VERSION.match(each) for each in said)
    return next(((int(each[1]), int(each[2])) for each in found if each), None)


def _gotk(config: Config, files: Mapping[str, SourceFile]) -> list[SourceFile]:
    folder = _folder(config.bootstrap.path)
    return [file for name, file in files.items() if name.startswith(folder) and name.endswith(f"/{GOTK_COMPONENTS}")]


_VERSION = re.compile(r"v?(\d+)\.(\d+)")
_GOTK_VERSION = re.compile(r"^# Flux [Vv]ersion: (\S+)|app\.kubernetes\.io/version: (?=v)(?P<label>\S+)", re.MULTILINE)
_FLAGS = re.compile(r"StrictPostBuildSubstitutions=|--no-remote-bases")


def _folder(path: str) -> str:
    return "" if path == "." else f"{path}/"


def _path(path: Any) -> str:
    return posixpath.normpath(f"/{path or ''}").lstrip("/") or "."
