"""What kustomize-controller builds for a Flux Kustomization, built by the same kustomize.

Source: fluxcd/pkg kustomize (Generator, scanManifests, Build): a kustomization file in spec.path is used as it is;
without one every YAML file beneath is a resource, and a folder with such a file is taken as a whole. The patches,
images, names and metadata of the spec are laid on top. Files may be loaded from anywhere in the artifact; remote bases
are not fetched here.
"""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from checks import manifests
from checks.manifests import at, listed
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MANIFESTS = (".yaml", ".yml")
ORIGIN = "config.kubernetes.io/origin"
DEEPEST = 200
"""How deep an object may be nested, so that all rules and tools can follow it."""
LONGEST = 500
"""Characters of what kustomize says that are repeated: when it crashes, it says much."""

_REMOTE = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*://|git@|git::|github\.com[/:]|[\w.-]+\.[a-z]{2,}/.*(?:\?ref=|\.git|//))", re.IGNORECASE
)


@dataclass(frozen=True)
class Built:
    """One object as kustomize gives it."""

    text: str
    """YAML, before substitution, without the origin."""
    data: Mapping[str, Any]
    file: str | None
    """The source file, from the artifact's root; None if no one file is its source."""


@dataclass(frozen=True)
class Reach:
    """The files that a build reads, all from the artifact's root."""

    files: frozenset[str]
    remotes: tuple[tuple[str, int, str], ...]
    """Bases that are not in the repository: kustomization file, line, what it says."""
    missing: frozenset[str] = frozenset()
    """What kustomization files name and the artifact does not have."""
    outside: tuple[str, ...] = ()
    """What they name outside of the artifact."""


def reach(tree: Path, path: str, spec: Mapping[str, Any]) -> Reach:
    """Follow a build without building: kustomization files, what they name, and folders that have none."""
    files: set[str] = set()
    missing: set[str] = set()
    outside: list[str] = []
    remotes: list[tuple[str, int, str]] = []
    seen: set[Path] = set()
    waiting = [found for part in (".", *_components(spec)) if (found := _found(tree / path / part))]
    while waiting:
        each = waiting.pop()
        if each in seen or not each.is_relative_to(tree):
            continue
        seen.add(each)
        if each.is_file():
            files.add(_relative(tree, each))
        elif kustomization := _kustomization_file(each):
            waiting.append(kustomization)
            for name, line in _named_by(kustomization):
                target = _found(each / name)
                if target is None and _REMOTE.match(name):
                    remotes.append((_relative(tree, kustomization), line, name))
                elif target is None:
                    missing.add(posixpath.normpath(f"{_relative(tree, each)}/{name}"))
                elif target.is_relative_to(tree):
                    waiting.append(target)
                else:
                    outside.append(name)
        else:
            waiting += _generated(each)
    return Reach(frozenset(files), tuple(remotes), frozenset(missing), tuple(outside))


def build(
    kustomize: Path, tree: Path, number: int, path: str, spec: Mapping[str, Any], prefix: str = "build"
) -> tuple[Built, ...]:
    """Build a Flux Kustomization's objects.

    Args:
        kustomize: the binary.
        tree: the folder of the artifact; next to it a folder for this build is made.
        number: tells this build from the others of its prefix.
        path: spec.path, from the artifact's root.
        spec: the Flux Kustomization's.

    Raises:
        BuildProblem: kustomize refuses it, or the path is not there.
    """
    folder = _found(tree / path)
    if folder is None or not folder.is_dir():
        raise BuildProblem(f"kustomization path not found: {path} is not a folder of the repository")
    for component in _components(spec):
        if _REMOTE.match(component) or PurePosixPath(component).is_absolute():
            raise BuildProblem(f"component path '{component}' must be local and relative")
    resources = [folder] if _kustomization_file(folder) else _generated(folder)
    if not resources:
        return ()
    overlay = tree.parent / f"{prefix}-{number}"
    overlay.mkdir()
    document = {
        **_overlay(spec),
        "components": [
            f"../{tree.name}/{path}/{component}"
            for component in _components(spec)
            if _found(folder / component) or not spec.get("ignoreMissingComponents")
        ],
        "resources": [f"../{tree.name}/{_relative(tree, each)}" for each in resources],
    }
    (overlay / "kustomization.yaml").write_text(json.dumps(document), "utf-8")
    return _run(kustomize, tree, overlay)


def take_out(tree: Path, remotes: Iterable[tuple[str, int, str]], *, changes: bool = False) -> None:
    """Take remote bases out of the kustomization files of an artifact's copy: the rest can be built without them.

    Args:
        tree: the copy.
        remotes: as Reach has them.
        changes: whether also to take out what may change the objects of those bases.
    """
    for file in {file for file, _, _ in remotes}:
        gone = {name for other, _, name in remotes if other == file}
        try:
            data = manifests.load((tree / file).read_text("utf-8", errors="replace"))
        except manifests.SyntaxProblem:
            # kustomize says so, too.
            continue
        changed = {
            key: _without(value, gone) if key in (*_LISTS, *_GENERATORS) else value
            for key, value in manifests.mapping(data).items()
            if not (changes and key in _CHANGES)
        }
        (tree / file).write_text(json.dumps({"metadata": {"name": "local"}, **changed}), "utf-8")


def _without(value: Any, gone: Collection[str]) -> Any:
    """A list of a kustomization file without some of what it names; a generator keeps its other files."""
    left: list[Any] = []
    for each in listed(value):
        if isinstance(each, dict):
            generator = manifests.mapping(each)
            files = [one for one in listed(generator.get("files")) if _named_file(one) not in gone]
            left.append({**generator, "files": files} if "files" in generator else generator)
        elif each not in gone:
            left.append(each)
    return left


def _named_file(entry: Any) -> str:
    """What an entry of a generator's files names, without the key before it."""
    return str(entry).partition("=")[2] or str(entry)


_CHANGES = ("patches", "patchesJson6902", "patchesStrategicMerge", "replacements")


def misses_objects(problem: BuildProblem) -> bool:
    """Whether a build was refused for want of objects that something else in it changes or names."""
    return (
        re.search(r"no matches for Id|no resource matches|failed to find|unable to find|not found", str(problem))
        is not None
    )


def listed_in(folder: Path) -> frozenset[str]:
    """What the kustomization file of a folder names; nothing without one."""
    file = _kustomization_file(folder)
    return frozenset(name.removeprefix("./") for name, _ in _named_by(file)) if file else frozenset()


class BuildProblem(Exception):  # noqa: N818  # found in a repository, and told as a finding
    """Kustomize refuses a build, in its own words, shortened."""


def _components(spec: Mapping[str, Any]) -> list[str]:
    """Those of a Flux Kustomization, from its path."""
    return [str(each) for each in listed(spec.get("components"))]


def _overlay(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the spec of a Flux Kustomization adds to a build."""
    metadata = manifests.mapping(spec.get("commonMetadata"))
    labels = [{"pairs": metadata["labels"]}] if metadata.get("labels") else None
    added = {
        "namespace": spec.get("targetNamespace"),
        "namePrefix": spec.get("namePrefix"),
        "nameSuffix": spec.get("nameSuffix"),
        "patches": spec.get("patches"),
        "images": spec.get("images"),
        "labels": labels,
        "commonAnnotations": metadata.get("annotations"),
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "buildMetadata": ["originAnnotations"],
        **{key: value for key, value in added.items() if value},
    }


def _run(kustomize: Path, tree: Path, overlay: Path) -> tuple[Built, ...]:
    command = [str(kustomize), "build", "--load-restrictor=LoadRestrictionsNone", str(overlay)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    except OSError as error:
        raise CannotRunError(f"{kustomize} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise BuildProblem(
            _said(done.stderr, tree, overlay) or f"kustomize ended with {done.returncode} and said nothing"
        )
    try:
        return tuple(
            _built(text, tree.name) for text in re.split(r"^---\n", done.stdout, flags=re.MULTILINE) if text.strip()
        )
    except manifests.SyntaxProblem as problem:
        raise BuildProblem(f"what kustomize makes of it cannot be read: {problem}") from None


def _built(text: str, tree: str) -> Built:
    """One document of kustomize's output, its origin taken out of data and text."""
    data: dict[str, Any] = manifests.load(text)
    if any(len(way) > DEEPEST for way, _ in manifests.scalars(data)):
        raise BuildProblem(f"{data['kind']} {at(data, 'metadata', 'name')} is nested more than {DEEPEST} deep")
    annotations: dict[str, str] = data["metadata"]["annotations"]
    origin = manifests.mapping(manifests.load(annotations.pop(ORIGIN)))
    if not annotations:
        del data["metadata"]["annotations"]
    file: str | None = origin.get("path") or origin.get("configuredIn")
    return Built(
        text=_without_origin(text, keep_annotations=bool(annotations)),
        data=data,
        file=str(PurePosixPath(file).relative_to(f"../{tree}")) if file and file.startswith(f"../{tree}/") else None,
    )


def _without_origin(text: str, *, keep_annotations: bool) -> str:
    start = "    " if keep_annotations else r"  annotations:\n    "
    return re.sub(rf"^{start}{re.escape(ORIGIN)}: \|\n(?:      .*\n)+", "", text, count=1, flags=re.MULTILINE)


def _said(stderr: str, tree: Path, overlay: Path) -> str:
    """Kustomize's error on one line, in paths of the repository: of its chain of folders the innermost, once."""
    said = " ".join(stderr.removeprefix("Error: ").split())
    said = said.replace(f"{tree}/", "").replace(f"../{tree.name}/", "").replace(f"{overlay}", "the build")
    innermost = said.rpartition("accumulation err='")[2]
    return innermost.partition("': must build at directory")[0].strip()[:LONGEST]


def _found(path: Path) -> Path | None:
    """Where a path leads; None where there is nothing, or can be nothing."""
    try:
        return path.resolve(strict=True)
    except (OSError, ValueError):
        return None


def _kustomization_file(folder: Path) -> Path | None:
    return next((folder / name for name in KUSTOMIZATION_FILES if (folder / name).is_file()), None)


def _generated(folder: Path) -> list[Path]:
    """The resources that Flux's generator lists for a folder without a kustomization file."""
    found: list[Path] = []
    for child in sorted(folder.iterdir()):
        if child.is_dir():
            found += [child] if _kustomization_file(child) else _generated(child)
        elif child.suffix in MANIFESTS:
            found.append(child)
    return found


def _named_by(kustomization: Path) -> list[tuple[str, int]]:
    """What a kustomization file names, with the line: bases, files of patches and of generators."""
    try:
        documents = manifests.parse(kustomization.name, kustomization.read_text("utf-8", errors="replace"))
    except manifests.SyntaxProblem:
        return []
    return [
        (value, document.line_of(*way))
        for document in documents
        for way, value in file_fields(document.data)
        if isinstance(value, str) and "\n" not in value
    ]


BASES = ("resources", "components", "bases")
"""The fields of a kustomization file that list where its objects come from."""

_LISTS = (*BASES, "crds", "configurations", "generators", "transformers", "validators", "patchesStrategicMerge")
"""All that list files or folders."""

_GENERATORS = ("configMapGenerator", "secretGenerator")

_OF_PATHS = ("patches", "patchesJson6902", "replacements")
"""Those that list mappings with a path."""


def file_fields(data: Any) -> Iterator[tuple[manifests.Path, Any]]:
    """The fields of a kustomization file that may name files, and the way to each."""
    for field in _LISTS:
        yield from (((field, number), value) for number, value in enumerate(listed(at(data, field))))
    for field in _OF_PATHS:
        yield from (((field, n, "path"), at(value, "path")) for n, value in enumerate(listed(at(data, field))))
    yield ("openapi", "path"), at(data, "openapi", "path")
    for field in _GENERATORS:
        for number, generator in enumerate(listed(at(data, field))):
            yield (field, number, "env"), at(generator, "env")
            for kind in ("files", "envs"):
                for n, value in enumerate(listed(at(generator, kind))):
                    yield (field, number, kind, n), _named_file(value)


def _relative(tree: Path, path: Path) -> str:
    return path.relative_to(tree).as_posix()
