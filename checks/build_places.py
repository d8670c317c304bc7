"""Where in the sources a build failed, read out of what kustomize says.

Source: kustomize api 0.21 (resource accumulation, ResId.String): ids are written `Kind.version.group/name.namespace`.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from checks import kustomize
from checks.findings import Place
from checks.manifests import at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.tree import Kustomization, SourceFile, Tree

_ID = re.compile(r"\b([A-Z]\w+)\.v\w+\.[\w.\[\]-]+/([\w.-]+?)\.(\[noNs\]|[\w-]+)")
_LINE = re.compile(r"\bline (\d+)")


def place(tree: Tree, owner: Kustomization) -> Place | None:
    """The line that kustomize refuses: an entry that leads nowhere, a file that it names, or an object that it names.

    None if what it says names none of them.
    """
    files = [tree.files[name] for name in sorted(owner.reach.files) if name in tree.files]
    named, objects = list(_named(owner, files)), list(_object(owner, files))
    both = [each for each in objects if each.file in {other.file for other in named}]
    return next(iter([*_missing(owner, files), *both, *named, *objects]), None)


def _missing(owner: Kustomization, files: list[SourceFile]) -> Iterator[Place]:
    """Entries of kustomization files that name what is not there, or is outside of the repository."""
    for file, line, value in _entries(files):
        target = posixpath.normpath(f"{file.name.rpartition('/')[0] or '.'}/{value}")
        if value in owner.problem and (target in owner.reach.missing or value in owner.reach.outside):
            yield Place(file.name, line)


def _entries(files: list[SourceFile]) -> Iterator[tuple[SourceFile, int, str]]:
    for file in files:
        if file.name.rpartition("/")[2] in kustomize.KUSTOMIZATION_FILES:
            for document in file.documents:
                for way, value in kustomize.file_fields(document.data):
                    if isinstance(value, str):
                        yield file, document.line_of(*way), value


def _named(owner: Kustomization, files: list[SourceFile]) -> Iterator[Place]:
    """A file that is named by its path from the root, or from a kustomization file that lists it."""
    line = _LINE.search(owner.problem)
    names = {file.name: {file.name} for file in files}
    for file, _, value in _entries(files):
        target = posixpath.normpath(f"{file.name.rpartition('/')[0] or '.'}/{value}")
        if target in names and "/" not in value.removeprefix("./"):
            names[target].add(value.removeprefix("./"))
    for name, spellings in names.items():
        if any(re.search(rf"(?<![\w.-]){re.escape(each)}(?![\w-])", owner.problem) for each in spellings):
            yield Place(name, int(line[1]) if line else 1)


def _object(owner: Kustomization, files: list[SourceFile]) -> Iterator[Place]:
    """The last document of the kind and name, which is the one too many where it is there twice; or a patch of it."""
    for kind, name, namespace in _ID.findall(owner.problem):
        found = [
            document
            for file in files
            for document in file.documents
            if (at(document.data, "kind"), at(document.data, "metadata", "name")) == (kind, name)
            and (namespace == "[noNs]" or at(document.data, "metadata", "namespace") in (None, namespace))
        ]
        yield from (Place(each.file, each.line) for each in reversed(found))
        for file in files:
            if file.name.rpartition("/")[2] in kustomize.KUSTOMIZATION_FILES:
                lines = enumerate(file.text.splitlines(), 1)
                yield from (Place(file.name, n) for n, text in lines if re.search(rf"name: {re.escape(name)}\b", text))
