"""ArtifactGenerators: Flux sources that are made of parts of others.

Source: fluxcd/source-watcher, internal/builder: a pattern's `**` at its end means the entries of the folder, each with
all that is beneath it; a folder is copied as cp -r does.
"""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pathspec

from checks.manifests import listed, mapping, mappings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

GROUP = "source.extensions.fluxcd.io"
KIND = "ArtifactGenerator"
MADE = "ExternalArtifact"


def copied(artifact: Mapping[str, Any], aliases: Collection[str], files: Collection[str]) -> dict[str, str] | None:
    """The files of an artifact: where it has them → where they are in the repository.

    Args:
        artifact: one of spec.artifacts.
        aliases: the aliases of the sources that are this repository.
        files: those of the repository.

    Returns:
        None if it is made of something else too, or in a way that is not known here.
    """
    found: dict[str, str] = {}
    for operation in mappings(artifact.get("copy")):
        alias, _, pattern = str(operation.get("from")).removeprefix("@").partition("/")
        to = str(operation.get("to"))
        if alias not in aliases or operation.get("strategy") not in (None, "Overwrite"):
            return None
        into = to.removeprefix("@artifact/")
        excluded = pathspec.PathSpec.from_lines("gitignore", list(_excluded(operation, pattern)))
        for source, place in _placed(pattern, into, files, found):
            if not excluded.match_file(source):
                found[posixpath.normpath(place)] = source
    return found


def aliases(spec: Mapping[str, Any], namespace: str) -> dict[tuple[str, str, str], str]:
    """The sources of an ArtifactGenerator: kind, namespace and name → alias."""
    return {
        (str(each.get("kind")), str(each.get("namespace") or namespace), str(each.get("name"))): str(each.get("alias"))
        for each in mappings(spec.get("sources"))
    }


def _placed(pattern: str, into: str, files: Collection[str], made: Collection[str]) -> Iterator[tuple[str, str]]:
    """The files that a pattern takes, and where each goes."""
    steps = [step for step in pattern.split("/") if step]
    if any(char in pattern for char in "*?[]"):
        prefix = pattern.removesuffix("/**") if pattern.endswith("/**") else ""
        for name in files:
            parts = name.split("/")
            if len(parts) >= len(steps) and all(map(fnmatchcase, parts, steps)):
                yield name, posixpath.join(into, name.removeprefix(f"{prefix}/") if prefix else name)
        return
    source = "/".join(steps)
    if source in files:
        is_folder = into.endswith("/") or not into or any(name.startswith(f"{into}/") for name in made)
        yield source, posixpath.join(into, posixpath.basename(source)) if is_folder else into
        return
    for name in files:
        if name.startswith(f"{source}/"):
            yield name, posixpath.join(into, posixpath.basename(source), name.removeprefix(f"{source}/"))


def _excluded(operation: Mapping[str, Any], pattern: str) -> Iterator[str]:
    """Its exclude patterns as gitignore has them: from the root, and from the folder before the first wildcard."""
    steps: list[str] = []
    for step in pattern.split("/"):
        if any(char in step for char in "*?[]"):
            break
        steps.append(step)
    for each in listed(operation.get("exclude")):
        if "/" in str(each):
            yield f"/{each}"
            yield f"/{'/'.join(steps)}/{each}"
        else:
            yield str(each)


def artifacts(spec: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Name → artifact."""
    return {str(each.get("name")): mapping(each) for each in mappings(spec.get("artifacts"))}
