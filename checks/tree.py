"""The tree that Flux owns, as Flux sees it: its Kustomizations, and the objects that each of them applies.

Built once, then only read: the rules go from this model to findings.
"""

from __future__ import annotations

import posixpath
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from checks import artifact, envsubst, kustomize, manifests
from checks.findings import Place
from checks.manifests import Document, at, mapping, mappings
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from checks.config import Bootstrap, Config

FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
SUBSTITUTE = "kustomize.toolkit.fluxcd.io/substitute"
GOTK_COMPONENTS, GOTK_SYNC = "gotk-components.yaml", "gotk-sync.yaml"


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A YAML file of the repository."""

    name: str
    text: str
    documents: tuple[Document, ...]
    """Empty if it is not YAML, which yamllint reports."""
    broken: bool = False
    """Whether it is not UTF-8."""


@dataclass(frozen=True, eq=False)
class Object:
    """One object that Flux applies."""

    owner: str
    """The Flux Kustomization, `<namespace>/<name>`."""
    manifest: Mapping[str, Any]
    """As applied, with sample values for variables."""
    built: str
    """As kustomize gives it, before substitution: YAML."""
    built_data: Mapping[str, Any]
    """The same, parsed."""
    file: str
    source: Document | None
    """The document it comes from; None if it was generated, or the bootstrap writes it."""

    @property
    def api_version(self) -> str:
        """`<group>/<version>`, or the version alone."""
        return str(self.manifest.get("apiVersion", ""))

    @property
    def group(self) -> str:
        """Empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def kind(self) -> str:
        """Such as Deployment."""
        return str(self.manifest.get("kind", ""))

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(at(self.manifest, "metadata", "name") or "")

    @property
    def namespace(self) -> str:
        """Empty if it has none."""
        return str(at(self.manifest, "metadata", "namespace") or "")

    @property
    def id(self) -> str:
        """`<namespace>/<name>`, or the name alone."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def label(self) -> str:
        """What findings call it."""
        return f"{self.kind} {self.id}"

    @property
    def spec(self) -> Mapping[str, Any]:
        """Empty if it has none."""
        return mapping(self.manifest.get("spec"))

    def place(self, *path: str | int) -> Place:
        """Where a field is in the sources, or what is nearest above it."""
        return Place(self.file, self.source.line_of(*path) if self.source else 1)


@dataclass(frozen=True, eq=False)
class Kustomization:
    """A Flux Kustomization of this repository, and what it applies."""

    object: Object
    path: str
    """From the root of the repository, without ./"""
    reach: kustomize.Reach
    objects: tuple[Object, ...]
    variables: Mapping[str, str] | None
    """Name → sample, later sources before earlier ones and inline values before all; None without postBuild."""
    problem: str = ""
    """Why kustomize refuses it."""

    @property
    def id(self) -> str:
        """`<namespace>/<name>`."""
        return self.object.id

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.object.name

    @property
    def spec(self) -> Mapping[str, Any]:
        """Empty if it has none."""
        return self.object.spec

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The ids that it waits for, as it says."""
        own = self.object.namespace
        entries = mappings(self.spec.get("dependsOn"))
        return tuple(f"{entry.get('namespace') or own}/{entry.get('name')}" for entry in entries)

    @property
    def waits(self) -> bool:
        """Whether it is Ready only once all that it applies is."""
        return bool(self.spec.get("wait"))

    @property
    def substitutes(self) -> bool:
        """Whether Flux replaces variables in what it applies."""
        return _substitutes(self.spec, self.variables)

    def covers(self, file: str) -> bool:
        """Whether a file lies beneath its path."""
        return self.path == "." or file.startswith(f"{self.path}/")


@dataclass(frozen=True, eq=False)
class Tree:
    """All of it."""

    root: Path
    config: Config
    artifact: artifact.Artifact
    files: Mapping[str, SourceFile]
    kustomizations: tuple[Kustomization, ...] = ()
    """The bootstrap's own first, then as they are found."""
    foreign: tuple[Object, ...] = ()
    """Flux Kustomizations of other sources, whose objects are not known here."""
    stubs: frozenset[str] = field(default_factory=frozenset[str])
    """The files that the first bootstrap is yet to write, and that were stood in for."""

    @property
    def objects(self) -> Iterator[Object]:
        """All objects, those of the bootstrap's stand-ins aside."""
        return (each for owner in self.kustomizations for each in owner.objects if each.file not in self.stubs)

    @cached_property
    def reached(self) -> frozenset[str]:
        """The files that some Flux Kustomization of this repository is made from."""
        return frozenset(file for each in self.kustomizations for file in each.reach.files)

    @property
    def checked(self) -> tuple[str, ...]:
        """The YAML files that Flux or Kyverno may read: others, of workflows or tests, need not be for Kubernetes.

        Beneath the paths of all Flux Kustomizations that can be read, built or not, the bootstrap's and the policies',
        and what kustomization files there name.
        """
        paths = {
            path_of(document.data)
            for file in self.files.values()
            for document in file.documents
            if str(at(document.data, "apiVersion")).startswith(FLUX_GROUP)
        }
        paths |= {self.config.bootstrap.path, *([self.config.policies] if self.config.policies else [])}
        names: tuple[str, ...] = ()
        known: set[str] = set()
        while paths - known:
            known |= paths
            names = tuple(
                name for name in self.files if any(p in (".", name) or name.startswith(f"{p}/") for p in known)
            )
            paths = {base for name in names for base in _bases(self.files[name])}
        return names

    def is_unbuilt(self, those: Collection[Kustomization]) -> bool:
        """Whether what they apply is not known, because kustomize refused it."""
        return any(each.problem or each.reach.remotes for each in those)

    @property
    def bootstrap(self) -> Kustomization:
        """The root."""
        return self.kustomizations[0]


def read(root: Path, config: Config) -> Tree:
    """The files that Flux sees, with nothing built yet.

    Raises:
        FleetError: a folder cannot be read, or a file has a name that cannot be printed.
    """
    seen = artifact.scan(root)
    names = [name for name in seen.files if _is_yaml(name)]
    for name in names:
        if not name.isprintable():
            raise CannotRunError(f"{name!r} has a name that cannot be printed: rename it")
    return Tree(root, config, seen, {name: _source(root, name) for name in names})


def build(tree: Tree, binary: Path) -> Tree:
    """The same with everything that Flux would build, from the bootstrap's path on.

    Args:
        tree: what was read.
        binary: kustomize.

    Raises:
        FleetError: kustomize cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="checks-") as folder:
        workspace = Path(folder).resolve()
        artifact.copy(tree.root, tree.artifact, workspace / kustomize.TREE)
        stubs = _stand_in(workspace / kustomize.TREE, tree.config.bootstrap)
        builder = _Builder(workspace, binary, tree.config, tree.files)
        kustomizations, foreign = builder.follow()
    return replace(tree, kustomizations=kustomizations, foreign=foreign, stubs=stubs)


@dataclass
class _Builder:
    """Follows the Flux Kustomizations from the first one on."""

    workspace: Path
    binary: Path
    config: Config
    files: Mapping[str, SourceFile]

    def follow(self) -> tuple[tuple[Kustomization, ...], tuple[Object, ...]]:
        """The Flux Kustomizations of this repository's own source, and those of others."""
        first = self._first()
        source = _source_of(first)
        found: dict[str, Kustomization] = {}
        foreign: dict[str, Object] = {}
        waiting = [first]
        while waiting:
            each = waiting.pop(0)
            if each.id in found:
                continue
            if _source_of(each) != source:
                foreign[each.id] = each
                continue
            found[each.id] = self._kustomization(each, len(found))
            waiting += [child for child in found[each.id].objects if _is_flux_kustomization(child)]
        return tuple(found.values()), tuple(foreign.values())

    def _first(self) -> Object:
        """The root Kustomization, out of gotk-sync.yaml."""
        name = f"{self.config.bootstrap.folder}/{GOTK_SYNC}"
        text = (self.workspace / kustomize.TREE / name).read_text("utf-8")
        for document in _documents(name, text):
            if at(document.data, "kind") == "Kustomization":
                return Object("", document.data, text, document.data, name, document if name in self.files else None)
        return Object("", _sync(self.config.bootstrap)[1], "", {}, name, None)

    def _kustomization(self, each: Object, number: int) -> Kustomization:
        path = path_of(each.manifest)
        variables = self._variables(each)
        replaced = variables if _substitutes(each.spec, variables) else None
        reached = kustomize.reach(self.workspace / kustomize.TREE, path, each.spec)
        built: tuple[kustomize.Built, ...] = ()
        problem = (
            f"{', '.join(reached.outside)}: outside of the repository, Flux reads nothing" if reached.outside else ""
        )
        if not problem and not reached.remotes:
            try:
                built = kustomize.build(self.binary, self.workspace, number, path, each.spec)
            except kustomize.BuildProblem as error:
                problem = str(error)
        objects = tuple(self._object(each.id, one, replaced) for one in built)
        return Kustomization(each, path, reached, objects, variables, problem)

    def _variables(self, each: Object) -> dict[str, str] | None:
        if each.spec.get("postBuild") is None:
            return None
        post_build = mapping(each.spec.get("postBuild"))
        values: dict[str, str] = {}
        for reference in mappings(post_build.get("substituteFrom")):
            known = self.config.variables.get(f"{reference.get('kind')}/{each.namespace}/{reference.get('name')}", {})
            values |= {key: variable.sample for key, variable in known.items()}
        values |= {str(key): str(value) for key, value in mapping(post_build.get("substitute")).items()}
        return {key: envsubst.clean(value) for key, value in values.items()}

    def _object(self, owner: str, built: kustomize.Built, variables: Mapping[str, str] | None) -> Object:
        manifest = built.data if variables is None else _substituted(built, variables)
        file = built.file or ""
        return Object(owner, manifest, built.text, built.data, file, self._document(file, built.data))

    def _document(self, file: str, data: Mapping[str, Any]) -> Document | None:
        """The document of a file that an object was made from: kind and name tell, if names were not changed."""
        source = self.files.get(file)
        if source is None:
            return None
        name = str(at(data, "metadata", "name"))
        same_kind = [each for each in source.documents if at(each.data, "kind") == data.get("kind")]
        named = [each for each in same_kind if str(at(each.data, "metadata", "name")) == name]
        return next(iter(named or same_kind), None)


def _substitutes(spec: Mapping[str, Any], variables: Mapping[str, str] | None) -> bool:
    """Whether Flux replaces variables: with a postBuild, and where that has no value at all only if told to."""
    return variables is not None and (bool(variables) or at(spec, "postBuild", "substituteStrategy") == "Always")


def _substituted(built: kustomize.Built, variables: Mapping[str, str]) -> Mapping[str, Any]:
    """An object with its variables replaced. What Flux would refuse stays empty, or as it is: the rules say so."""
    if "$" not in built.text or is_substitution_off(built.data):
        return built.data
    try:
        template = envsubst.parse(built.text)
        unset = {use.name: "" for use in template.uses}
        data = manifests.load(template.substitute(unset | dict(variables)))
    except (envsubst.SubstitutionError, manifests.SyntaxProblem):
        return built.data
    return mapping(data) or built.data


def is_substitution_off(data: Mapping[str, Any]) -> bool:
    """Whether an object's label or annotation keeps Flux from replacing variables in it."""
    return any(at(data, "metadata", kind, SUBSTITUTE) == "disabled" for kind in ("labels", "annotations"))


def path_of(manifest: Any) -> str:
    """The path of a Flux Kustomization from the repository's root, without ./ before it; the root is the uppermost."""
    return posixpath.normpath(f"/{at(manifest, 'spec', 'path') or ''}").lstrip("/") or "."


def _bases(file: SourceFile) -> Iterator[str]:
    """The files and folders that a kustomization file takes objects from, from the root."""
    folder, _, name = file.name.rpartition("/")
    if name in kustomize.KUSTOMIZATION_FILES:
        for document in file.documents:
            for way, value in kustomize.file_fields(document.data):
                if way[0] in kustomize.BASES and isinstance(value, str):
                    yield posixpath.normpath(f"{folder or '.'}/{value}")


def _is_yaml(name: str) -> bool:
    return name.endswith(kustomize.MANIFESTS) or name.rpartition("/")[2] in kustomize.KUSTOMIZATION_FILES


def _is_flux_kustomization(each: Object) -> bool:
    return each.kind == "Kustomization" and each.group == FLUX_GROUP


def _source_of(each: Object) -> tuple[str, str, str]:
    reference = mapping(each.spec.get("sourceRef"))
    return (str(reference.get("kind")), str(reference.get("namespace") or each.namespace), str(reference.get("name")))


def _source(root: Path, name: str) -> SourceFile:
    data = (root / name).read_bytes()
    text = data.decode("utf-8", errors="replace")
    broken = text.encode() != data
    return SourceFile(name, text, _documents(name, text), broken)


def _documents(name: str, text: str) -> tuple[Document, ...]:
    try:
        return manifests.parse(name, text)
    except manifests.SyntaxProblem:
        return ()


def _stand_in(tree: Path, bootstrap: Bootstrap) -> frozenset[str]:
    """Write what the first bootstrap is yet to write, where it is missing or says nothing; gives the files."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": bootstrap.namespace}}
    wanted = {GOTK_COMPONENTS: [namespace], GOTK_SYNC: _sync(bootstrap)}
    missing = [name for name in wanted if not _says_anything(tree / bootstrap.folder / name)]
    (tree / bootstrap.folder).mkdir(parents=True, exist_ok=True)
    for name in missing:
        (tree / bootstrap.folder / name).write_text(yaml.safe_dump_all(wanted[name]), "utf-8")
    return frozenset(f"{bootstrap.folder}/{name}" for name in missing)


def _says_anything(path: Path) -> bool:
    """Whether a file is there and has an object, or is broken: what is but a remark, the first bootstrap replaces."""
    if not path.exists():
        return False
    try:
        return bool(manifests.parse(path.name, path.read_text("utf-8")))
    except (manifests.SyntaxProblem, UnicodeDecodeError):
        return True


def _sync(bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """The GitRepository and the Kustomization that `flux bootstrap` writes."""
    name = bootstrap.namespace
    metadata = {"name": name, "namespace": name}
    source: dict[str, Any] = {
        "interval": "1m0s",
        "ref": {"branch": "main"},
        "url": "https://example.com/owner/repository.git",
    }
    return [
        {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata, "spec": source},
        {
            "apiVersion": f"{FLUX_GROUP}/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": {
                "interval": "10m0s",
                "path": f"./{bootstrap.path}",
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": name},
            },
        },
    ]
