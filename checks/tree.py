"""The tree that Flux owns, as Flux sees it: its Kustomizations, and the objects that each of them applies.

Built once, then only read: the rules go from this model to findings.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from checks import artifact, entry, envsubst, generator, kustomize, manifests, values
from checks.entry import FLUX_GROUP, GOTK_COMPONENTS, GOTK_SYNC, SourceFile, path_of, source_of
from checks.findings import Place
from checks.manifests import Document, at, mapping, mappings
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from checks.config import Config
    from checks.entry import Entry, SourceId

__all__ = ["FLUX_GROUP", "GOTK_COMPONENTS", "GOTK_SYNC", "Kustomization", "Object", "SourceFile", "Tree", "path_of"]

SUBSTITUTE = "kustomize.toolkit.fluxcd.io/substitute"

LARGEST_INSTALLER = 200_000
"""Bytes of a file that is looked into for what installs charts."""

_INSTALLER = re.compile(r"\.(?:ya?ml|gotmpl|sh|tf|just|nix|py|toml)$|(?:file|justfile)$", re.IGNORECASE)
_INSTALLS = re.compile(
    r"\bhelm (?:install|upgrade|template)\b|\bhelmfile|\bkubectl\b.*\bapply\b|helm_release|^releases:", re.M
)

ROUNDS = 5
"""How often values are looked up again in what they made themselves: more than trees need."""


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
    values: values.Values | None
    """What its variables are replaced by; None without postBuild."""
    problem: str = ""
    """Why kustomize refuses it."""
    beneath: frozenset[str] | None = None
    """The repository's files beneath its path, where that is not a path of the repository."""

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
    def variables(self) -> Mapping[str, str] | None:
        """Name → value, or what stands for it; None without postBuild."""
        return self.values.known if self.values else None

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
        return _substitutes(self.spec, self.values)

    def covers(self, file: str) -> bool:
        """Whether a file lies beneath its path."""
        if self.beneath is not None:
            return file in self.beneath
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
    sources: frozenset[SourceId] = field(default_factory=frozenset["SourceId"])
    """The Flux sources that hold this repository, or a part of it."""

    @cached_property
    def entry(self) -> Entry:
        """Where Flux begins."""
        return entry.find(self.config, self.files)

    @property
    def remotes(self) -> tuple[tuple[str, int, str], ...]:
        """The bases that are not in the repository: kustomization file, line, what it says."""
        return tuple(sorted({remote for each in self.kustomizations for remote in each.reach.remotes}))

    @property
    def is_partly_seen(self) -> bool:
        """Whether something is applied that is not known here, so that nothing follows from an absence."""
        return bool(self.foreign or self.remotes) or any(each.problem for each in self.kustomizations)

    @property
    def objects(self) -> Iterator[Object]:
        """All objects, those of the bootstrap's stand-ins aside."""
        return (each for owner in self.kustomizations for each in owner.objects if each.file not in self.stubs)

    def installer(self, names: Iterable[str]) -> str:
        """A file that Flux does not read and that installs something, such as a helmfile; empty if there is none.

        One that has the name of a chart or a release comes first.
        """
        words = [name.rpartition("/")[2] for name in sorted(names)]
        named = (file for file, text in self._installers for word in words if word and word in text)
        return next(named, next((file for file, _ in self._installers), ""))

    @cached_property
    def _installers(self) -> tuple[tuple[str, str], ...]:
        """The files that Flux does not read and that install something by Helm or kubectl, with their text."""
        found: list[tuple[str, str]] = []
        for name in sorted({*self.artifact.files, *self.artifact.ignored} - self.reached):
            path = self.root / name
            is_candidate = not name.startswith(".github/") and _INSTALLER.search(name) and path.is_file()
            if is_candidate and path.stat().st_size < LARGEST_INSTALLER:
                text = path.read_text("utf-8", errors="replace")
                if _INSTALLS.search(text):
                    found.append((name, text))
        return tuple(found)

    @cached_property
    def reached(self) -> frozenset[str]:
        """The files that some Flux Kustomization of this repository is made from."""
        return frozenset(file for each in self.kustomizations for file in each.reach.files)

    @cached_property
    def checked(self) -> frozenset[str]:
        """The YAML files that Flux or Kyverno reads: others, of workflows, charts or tests, need not be for Kubernetes.

        It is asked before anything is built, so a path with a variable in it leads nowhere here.
        """
        root = self.root.resolve()
        waiting: list[Mapping[str, Any]] = [self.entry.manifest]
        known: set[str] = set()
        files: set[str] = set()
        names = {self.entry.source[2], *(each.name for each in self.config.sources)}
        while waiting:
            manifest = waiting.pop()
            spec = mapping(manifest.get("spec"))
            if repr(spec) in known:
                continue
            known.add(repr(spec))
            new = kustomize.reach(root, path_of(manifest), spec).files & self.files.keys() - files
            files |= new
            documents = (document.data for name in new for document in self.files[name].documents)
            waiting += [each for each in documents if entry.is_flux_kustomization(each) and source_of(each)[2] in names]
        policies = f"{self.config.policies}/" if self.config.policies else None
        return frozenset(files | {name for name in self.files if policies and name.startswith(policies)})

    def is_unbuilt(self, those: Collection[Kustomization]) -> bool:
        """Whether not all that they apply is known: kustomize refused it, or a base is not in the repository."""
        return any(each.problem or each.reach.remotes for each in those)

    @property
    def bootstrap(self) -> Kustomization:
        """The root."""
        return self.kustomizations[0]


def read(root: Path, config: Config) -> Tree:
    """The files that Flux sees of one cluster, with nothing built yet.

    Raises:
        FleetError: a folder cannot be read, a file has a name that cannot be printed, or Flux begins in a folder that
            does not exist.
    """
    seen = artifact.scan(root)
    files = _files(root, seen)
    if ignore := entry.find(config, files).ignore:
        seen = artifact.scan(root, ignore)
        files = {name: file for name, file in files.items() if name in set(seen.files)}
    _require(config.bootstrap.path, seen.files)
    return Tree(root, config, seen, files)


def _files(root: Path, seen: artifact.Artifact) -> dict[str, SourceFile]:
    names = [name for name in seen.files if _is_yaml(name)]
    for name in names:
        if not name.isprintable():
            raise CannotRunError(f"{name!r} has a name that cannot be printed: rename it")
    return {name: _source(root, name) for name in names}


def _require(path: str, files: Iterable[str]) -> None:
    """Raise FleetError for a folder that is not there."""
    folders = {"."} | {name[:end] for name in files for end, char in enumerate(name) if char == "/"}
    if path not in folders:
        near = difflib.get_close_matches(path, folders, n=1)
        hint = f"did you mean {near[0]}?" if near else "name the folder that the first Flux Kustomization applies"
        raise CannotRunError(f"bootstrap.path: {path} does not exist, or holds nothing that Flux gets to see: {hint}")


def build(tree: Tree, binary: Path) -> Tree:
    """The same with everything that Flux would build, from the bootstrap's path on.

    Args:
        tree: what was read.
        binary: kustomize.

    Raises:
        FleetError: kustomize cannot be run, or there is nothing to look at.
    """
    with tempfile.TemporaryDirectory(prefix="checks-") as folder:
        workspace = Path(folder).resolve()
        artifact.copy(tree.root, {name: name for name in tree.artifact.files}, workspace / "tree")
        stubs = _stand_in(workspace / "tree", tree)
        builder = _Builder(workspace, binary, tree, stubs)
        kustomizations, foreign = builder.follow_all()
        sources = frozenset({*builder.sources, *(source for source, _ in builder.places)})
    built = replace(tree, kustomizations=kustomizations, foreign=foreign, stubs=stubs, sources=sources)
    _require_something(built)
    return built


def _require_something(tree: Tree) -> None:
    """Raise FleetError where nothing was looked at that could be: a verdict on it would be no verdict."""
    path = tree.config.bootstrap.path
    if not tree.bootstrap.problem and not any(True for _ in tree.objects):
        raise CannotRunError(f"bootstrap.path: {path} holds no objects: name the folder that Flux applies first")
    if len(tree.kustomizations) == 1 and tree.foreign:
        kind, namespace, name = source_of(tree.foreign[0].manifest)
        own = "{} {}/{}".format(*tree.entry.source)
        raise CannotRunError(
            f"none of {len(tree.foreign)} Flux Kustomizations beneath {path} could be followed: {tree.foreign[0].id} "
            f"takes {kind} {namespace}/{name}, and {own} is taken for this repository. Set bootstrap.source in "
            f"checks.yaml if it is another, or add to sources what holds this repository too"
        )


@dataclass(frozen=True, eq=False)
class _Place:
    """A source's files: a folder, and where each of its files is in the repository."""

    folder: Path
    names: Mapping[str, str] | None = None
    """None: they are the repository's own."""

    def name(self, file: str) -> str:
        """A file of the folder, from the repository's root."""
        return file if self.names is None else self.names.get(file, file)


@dataclass
class _Builder:
    """Follows the Flux Kustomizations from the first one on."""

    workspace: Path
    binary: Path
    tree: Tree
    stubs: frozenset[str]
    sources: set[SourceId] = field(default_factory=set["SourceId"])
    _there: values.Held = field(default_factory=dict[str, "dict[str, str | None]"])
    """What the ConfigMaps and Secrets of the tree hold."""
    _builds: dict[tuple[Path, str, str], tuple[tuple[kustomize.Built, ...], str]] = field(
        default_factory=dict[tuple[Path, str, str], "tuple[tuple[kustomize.Built, ...], str]"]
    )
    _taken: dict[Path, set[tuple[str, int, str]]] = field(default_factory=dict[Path, "set[tuple[str, int, str]]"])
    """The remote bases that were taken out of kustomization files."""
    places: dict[tuple[SourceId, str], _Place] = field(default_factory=dict[tuple["SourceId", str], _Place])

    def follow_all(self) -> tuple[tuple[Kustomization, ...], tuple[Object, ...]]:
        """The Flux Kustomizations of this repository's own sources, and those of others.

        Values may come from objects that are only found on the way: they are followed again with those.
        """
        config = self.tree.config
        own = config.bootstrap.namespace
        self.sources = {self.tree.entry.source, *(entry.declared(each, own) for each in config.sources)}
        found = self._follow()
        for _ in range(ROUNDS):
            there = values.held(each.manifest for owner in found[0] for each in owner.objects)
            if there == self._there:
                break
            self._there = there
            found = self._follow()
        return found

    def _follow(self) -> tuple[tuple[Kustomization, ...], tuple[Object, ...]]:
        found: dict[str, Kustomization] = {}
        foreign: dict[str, Object] = {}
        first = self._root()
        found[first.id] = first
        waiting = [child for child in first.objects if _is_flux_kustomization(child)]
        while waiting:
            each = waiting.pop(0)
            if each.id in found:
                continue
            place = self._place(each, found)
            if place is None:
                foreign[each.id] = each
            else:
                foreign.pop(each.id, None)
                found[each.id] = self._kustomization(each, place)
                waiting += [child for child in found[each.id].objects if _is_flux_kustomization(child)]
            if not waiting:
                # The source of one may have been found after it.
                waiting = [other for other in foreign.values() if self._place(other, found)]
        return tuple(found.values()), tuple(foreign.values())

    def _root(self) -> Kustomization:
        """The first Flux Kustomization; where it applies itself, as it is applied."""
        begin = self.tree.entry
        text = yaml.safe_dump(dict(self._manifest))
        first = Object("", self._manifest, text, self._manifest, begin.file, begin.document)
        place = _Place(self.workspace / "tree")
        built = self._kustomization(first, place)
        itself = [each for each in built.objects if _is_flux_kustomization(each) and each.id == first.id]
        if itself and itself[0].file not in self.stubs and itself[0].spec != first.spec:
            return self._kustomization(replace(itself[0], owner=""), place)
        return built

    @cached_property
    def _manifest(self) -> Mapping[str, Any]:
        """The first Flux Kustomization, as flux-operator patches it, unless kustomize refuses its patches."""
        manifest = self.tree.entry.manifest
        patches = [each for each in self.tree.entry.patches if at(each, "target", "kind") == "Kustomization"]
        if not patches:
            return manifest
        folder = self.workspace / "first"
        folder.mkdir()
        (folder / "first.yaml").write_text(yaml.safe_dump(dict(manifest)), "utf-8")
        (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["first.yaml"]}), "utf-8")
        try:
            (built,) = kustomize.build(self.binary, folder, 0, ".", {"patches": patches}, "patched")
        except (kustomize.BuildProblem, ValueError):
            return manifest
        return built.data

    def _place(self, each: Object, found: Mapping[str, Kustomization]) -> _Place | None:
        """Where the files of a Flux Kustomization's source are; None if they are not in this repository."""
        source = source_of(each.manifest)
        if source in self.sources:
            return _Place(self.workspace / "tree")
        objects = [one for owner in found.values() for one in owner.objects]
        if source[0] == generator.MADE:
            return self._generated(source, objects)
        if _is_same_repository(self.tree.entry.source, source, objects):
            self.sources.add(source)
            return _Place(self.workspace / "tree")
        return None

    def _generated(self, source: SourceId, objects: Iterable[Object]) -> _Place | None:
        """The files of an artifact that is made of this repository's."""
        _, namespace, name = source
        for each in objects:
            is_generator = (each.kind, each.namespace, each.group) == (generator.KIND, namespace, generator.GROUP)
            wanted = generator.artifacts(each.spec).get(name) if is_generator else None
            if wanted is None:
                continue
            own = {alias for of, alias in generator.aliases(each.spec, namespace).items() if of in self.sources}
            names = generator.copied(wanted, own, self.tree.artifact.files)
            if not names:
                return None
            key = (source, repr(sorted(names.items())))
            if key not in self.places:
                folder = self.workspace / f"artifact-{len(self.places)}"
                artifact.copy(self.tree.root, names, folder)
                self.places[key] = _Place(folder, names)
            return self.places[key]
        return None

    def _kustomization(self, each: Object, place: _Place) -> Kustomization:
        path = path_of(each.manifest)
        replaced_by = values.of(each.spec, each.namespace, self.tree.config, self._there)
        known = replaced_by if _substitutes(each.spec, replaced_by) else None
        reached = self._reach(place.folder, path, each.spec)
        built, problem = self._built(place.folder, path, each.spec, reached)
        objects = tuple(self._object(each.id, place, one, known) for one in built)
        beneath = None
        if place.names is not None:
            start = "" if path == "." else f"{path}/"
            beneath = frozenset(name for file, name in place.names.items() if file.startswith(start))
            reached = replace(
                reached,
                files=frozenset(map(place.name, reached.files)),
                remotes=tuple((place.name(file), line, said) for file, line, said in reached.remotes),
            )
        return Kustomization(each, path, reached, objects, replaced_by, problem, beneath)

    def _reach(self, folder: Path, path: str, spec: Mapping[str, Any]) -> kustomize.Reach:
        """What a build reads; remote bases that were taken out for another one are among it."""
        reached = kustomize.reach(folder, path, spec)
        taken = (remote for file in reached.files for remote in self._taken.get(folder / file, ()))
        return replace(reached, remotes=tuple(sorted({*reached.remotes, *taken})))

    def _built(
        self, folder: Path, path: str, spec: Mapping[str, Any], reached: kustomize.Reach
    ) -> tuple[tuple[kustomize.Built, ...], str]:
        """What kustomize makes of a Flux Kustomization, and why it does not: the same once for the same spec."""
        if reached.outside:
            return (), f"{', '.join(reached.outside)}: outside of the repository, Flux reads nothing"
        key = (folder, path, repr(spec))
        built: tuple[kustomize.Built, ...] = ()
        if key not in self._builds:
            kustomize.take_out(folder, reached.remotes)
            for remote in reached.remotes:
                self._taken.setdefault(folder / remote[0], set()).add(remote)
            try:
                built = kustomize.build(self.binary, folder, len(self._builds), path, spec)
                self._builds[key] = built, ""
            except kustomize.BuildProblem as error:
                self._builds[key] = (), str(error)
                if reached.remotes:
                    # What changes a remote base's objects fails for want of them.
                    kustomize.take_out(folder, reached.remotes, changes=True)
                    try:
                        built = kustomize.build(self.binary, folder, len(self._builds), path, spec, "partly")
                        self._builds[key] = built, ""
                    except kustomize.BuildProblem as other:
                        self._builds[key] = (), "" if kustomize.misses_objects(other) else str(other)
        return self._builds[key]

    def _object(self, owner: str, place: _Place, built: kustomize.Built, known: values.Values | None) -> Object:
        manifest = built.data if known is None else _substituted(built, known)
        file = place.name(built.file or "")
        return Object(owner, manifest, built.text, built.data, file, self._document(file, built.data))

    def _document(self, file: str, data: Mapping[str, Any]) -> Document | None:
        """The document of a file that an object was made from: kind and name tell, if names were not changed."""
        source = self.tree.files.get(file)
        if source is None:
            return None
        name = str(at(data, "metadata", "name"))
        same_kind = [each for each in source.documents if at(each.data, "kind") == data.get("kind")]
        named = [each for each in same_kind if str(at(each.data, "metadata", "name")) == name]
        return next(iter(named or same_kind), None)


def _substitutes(spec: Mapping[str, Any], replaced_by: values.Values | None) -> bool:
    """Whether Flux replaces variables: with a postBuild, and where that has no value at all only if told to."""
    if replaced_by is None:
        return False
    return bool(replaced_by.known) or replaced_by.is_open or at(spec, "postBuild", "substituteStrategy") == "Always"


def _substituted(built: kustomize.Built, known: values.Values) -> Mapping[str, Any]:
    """An object with its variables replaced. What Flux would refuse stays empty, or as it is: the rules say so."""
    if "$" not in built.text or is_substitution_off(built.data):
        return built.data
    try:
        template = envsubst.parse(built.text)
        unset = {use.name: values.UNKNOWN if known.is_open and not use.has_default else "" for use in template.uses}
        data = manifests.load(template.substitute(unset | dict(known.known)))
    except (envsubst.SubstitutionError, manifests.SyntaxProblem):
        return built.data
    return mapping(data) or built.data


def _is_same_repository(own: SourceId, other: SourceId, objects: Iterable[Object]) -> bool:
    """Whether two sources of the tree are the same revision of one repository."""
    specs = {(each.kind, each.namespace, each.name): each.spec for each in objects if each.group == entry.SOURCE_GROUP}
    one, two = specs.get(own), specs.get(other)
    return (
        one is not None
        and two is not None
        and own[0] == other[0]
        and _repository(one) == _repository(two)
        and one.get("ref") == two.get("ref")
    )


def _repository(spec: Mapping[str, Any]) -> str:
    url = re.sub(r"^[a-z+]+://(?:[^/@]*@)?", "", str(spec.get("url")).rstrip("/").removesuffix(".git"))
    return url.lower()


def is_substitution_off(data: Mapping[str, Any]) -> bool:
    """Whether an object's label or annotation keeps Flux from replacing variables in it."""
    return any(at(data, "metadata", kind, SUBSTITUTE) == "disabled" for kind in ("labels", "annotations"))


def _is_yaml(name: str) -> bool:
    return name.endswith(kustomize.MANIFESTS) or name.rpartition("/")[2] in kustomize.KUSTOMIZATION_FILES


def _is_flux_kustomization(each: Object) -> bool:
    return entry.is_flux_kustomization(each.manifest)


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


def _stand_in(folder: Path, tree: Tree) -> frozenset[str]:
    """Write what the first `flux bootstrap` is yet to write, where it is listed or empty; gives the files."""
    bootstrap = tree.config.bootstrap
    own = folder / bootstrap.folder
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": bootstrap.namespace}}
    wanted = {GOTK_COMPONENTS: [namespace], GOTK_SYNC: _sync(tree)}
    listed_there = kustomize.listed_in(own)
    missing = [
        name for name in wanted if (name in listed_there or (own / name).exists()) and not _says_anything(own / name)
    ]
    for name in missing:
        (own / name).write_text(yaml.safe_dump_all(wanted[name]), "utf-8")
    return frozenset(f"{bootstrap.folder}/{name}" for name in missing)


def _says_anything(path: Path) -> bool:
    """Whether a file is there and has an object, or is broken: what is but a remark, the first bootstrap replaces."""
    if not path.exists():
        return False
    try:
        return bool(manifests.parse(path.name, path.read_text("utf-8")))
    except (manifests.SyntaxProblem, UnicodeDecodeError):
        return True


def _sync(tree: Tree) -> list[dict[str, Any]]:
    """The GitRepository and the Kustomization that `flux bootstrap` writes."""
    name = tree.config.bootstrap.namespace
    source: dict[str, Any] = {
        "interval": "1m0s",
        "ref": {"branch": "main"},
        "url": "https://example.com/owner/repository.git",
    }
    return [
        {
            "apiVersion": f"{entry.SOURCE_GROUP}/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": name},
            "spec": source,
        },
        entry.made_up(tree.config, tree.entry.source),
    ]
