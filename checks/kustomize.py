"""What kustomize-controller builds for a Flux Kustomization, built by the same kustomize.

Source: fluxcd/pkg kustomize (Generator, scanManifests, Build): a kustomization file in spec.path is used as it is;
without one every YAML file beneath is a resource, and a folder with such a file is taken as a whole. The patches,
images, names and metadata of the spec are laid on top. Files may be loaded from anywhere in the artifact, remote bases
may not.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from checks import manifests
from checks.findings import ChecksError

if TYPE_CHECKING:
    from collections.abc import Mapping

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MANIFESTS = (".yaml", ".yml")
ORIGIN = "config.kubernetes.io/origin"
TREE = "tree"
"""The folder of the artifact, beside that of what is built from it."""

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


def reach(tree: Path, path: str) -> Reach:
    """Follow a build without building: kustomization files, what they name, and folders that have none."""
    files: set[str] = set()
    remotes: list[tuple[str, int, str]] = []
    seen: set[Path] = set()
    waiting = [tree / path]
    while waiting:
        each = waiting.pop()
        if each in seen or not each.resolve().is_relative_to(tree.resolve()):
            continue
        seen.add(each)
        if each.is_file():
            files.add(_relative(tree, each))
        elif kustomization := _kustomization_file(each):
            waiting.append(kustomization)
            for name, line in _named_by(kustomization):
                target = (each / name).resolve()
                if _REMOTE.match(name) and not target.exists():
                    remotes.append((_relative(tree, kustomization), line, name))
                else:
                    waiting.append(target)
        elif each.is_dir():
            waiting += _generated(each)
    return Reach(frozenset(files), tuple(remotes))


def build(kustomize: Path, workspace: Path, number: int, path: str, spec: Mapping[str, Any]) -> tuple[Built, ...]:
    """Build a Flux Kustomization's objects.

    Args:
        kustomize: the binary.
        workspace: the folder with the artifact in TREE, in which a folder for this build is made.
        number: tells this build from the others.
        path: spec.path, from the artifact's root.
        spec: the Flux Kustomization's.

    Raises:
        BuildProblem: kustomize refuses it, or the path is not there.
    """
    tree = workspace / TREE
    folder = tree / path
    if not folder.is_dir():
        raise BuildProblem(f"kustomization path not found: {path} is no folder of the repository")
    resources = [folder] if _kustomization_file(folder) else _generated(folder)
    if not resources:
        return ()
    overlay = workspace / str(number)
    overlay.mkdir()
    document = {
        **_overlay(spec, f"../{TREE}/{path}"),
        "resources": [f"../{TREE}/{_relative(tree, each)}" for each in resources],
    }
    (overlay / "kustomization.yaml").write_text(json.dumps(document), "utf-8")
    return _run(kustomize, overlay)


class BuildProblem(Exception):  # noqa: N818  # found in a repository, and told as a finding
    """Kustomize refuses a build, in its own words, shortened."""


def _overlay(spec: Mapping[str, Any], base: str) -> dict[str, Any]:
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
        "components": [f"{base}/{component}" for component in manifests.listed(spec.get("components"))],
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "buildMetadata": ["originAnnotations"],
        **{key: value for key, value in added.items() if value},
    }


def _run(kustomize: Path, overlay: Path) -> tuple[Built, ...]:
    command = [str(kustomize), "build", "--load-restrictor=LoadRestrictionsNone", str(overlay)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise ChecksError(f"{kustomize} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise BuildProblem(_said(done.stderr, overlay))
    return tuple(_built(text) for text in re.split(r"^---\n", done.stdout, flags=re.MULTILINE) if text.strip())


def _built(text: str) -> Built:
    """One document of kustomize's output, its origin taken out of data and text."""
    data: dict[str, Any] = manifests.load(text)
    annotations: dict[str, str] = data["metadata"]["annotations"]
    origin = manifests.mapping(manifests.load(annotations.pop(ORIGIN)))
    if not annotations:
        del data["metadata"]["annotations"]
    file: str | None = origin.get("path") or origin.get("configuredIn")
    return Built(
        text=_without_origin(text, keep_annotations=bool(annotations)),
        data=data,
        file=str(PurePosixPath(file).relative_to(f"../{TREE}")) if file and file.startswith(f"../{TREE}/") else None,
    )


def _without_origin(text: str, *, keep_annotations: bool) -> str:
    start = "    " if keep_annotations else r"  annotations:\n    "
    return re.sub(rf"^{start}{re.escape(ORIGIN)}: \|\n(?:      .*\n)+", "", text, count=1, flags=re.MULTILINE)


def _said(stderr: str, overlay: Path) -> str:
    """Kustomize's error on one line, in paths of the repository: of its chain of folders the innermost, once."""
    said = " ".join(stderr.removeprefix("Error: ").split())
    said = said.replace(f"{overlay.parent / TREE}/", "").replace(f"../{TREE}/", "").replace(f"{overlay}", "the build")
    innermost = said.rpartition("accumulation err='")[2]
    return innermost.partition("': must build at directory")[0].strip()


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
    found: list[tuple[str, int]] = []
    for document in documents:
        for way, value in manifests.scalars(document.data):
            if isinstance(value, str) and "\n" not in value and _is_file_field(way):
                name = value.split("=", 1)[-1] if way[-2:-1] in (("files",), ("envs",)) else value
                found.append((name, document.line_of(*way)))
    return found


_LISTS = frozenset(
    {
        *("resources", "components", "bases", "crds", "configurations", "generators", "transformers", "validators"),
        "patchesStrategicMerge",
    }
)
"""The fields of a kustomization file that list files or folders."""


def _is_file_field(way: manifests.Path) -> bool:
    match way:
        case (str(field), int()):
            return field in _LISTS
        case ("patches" | "patchesJson6902" | "replacements" | "openapi", *_, "path"):
            return True
        case ("configMapGenerator" | "secretGenerator", int(), "files" | "envs", int()):
            return True
        case ("configMapGenerator" | "secretGenerator", int(), "env"):
            return True
        case _:
            return False


def _relative(tree: Path, path: Path) -> str:
    return path.resolve().relative_to(tree.resolve()).as_posix()
