"""What of a working tree reaches the cluster: the files that source-controller puts into its artifact.

Source: fluxcd/pkg sourceignore (the patterns that are left out unless .sourceignore says otherwise), and
source-controller's storage, which archives regular files only: a symlink is silently left out.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pathspec

from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IGNORE_FILE = ".sourceignore"

EXCLUDED = (
    *(".git/", ".gitignore", ".gitmodules", ".gitattributes"),
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml"),
    *("codeship-services.yml", "codeship-steps.yml", "**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)

LOCAL = (".venv*/", "node_modules/", "__pycache__/", ".*_cache/", ".hypothesis/", ".sandbox/")
"""What lies in working trees and in no commit, should no .gitignore say so."""


@dataclass(frozen=True)
class Artifact:
    """The files of a working tree that Flux gets to see."""

    files: tuple[str, ...]
    """From the root, with slashes, sorted."""
    symlinks: tuple[str, ...]
    """The links among them, which Flux does not see."""


def scan(root: Path) -> Artifact:
    """Walk a working tree. Raises FleetError for a folder that cannot be read."""
    if not root.is_dir():
        raise CannotRunError(f"{root} is not a folder: name the root of a repository that Flux reads")
    ignored = pathspec.GitIgnoreSpec.from_lines(
        [*EXCLUDED, *LOCAL, *_lines(root / ".gitignore"), *_lines(root / IGNORE_FILE)]
    )
    files: list[str] = []
    symlinks: list[str] = []
    for entry, relative in _walk(root, root, ignored):
        (symlinks if entry.is_symlink() else files).append(relative)
    return Artifact(tuple(sorted(files)), tuple(sorted(symlinks)))


def copy(root: Path, artifact: Artifact, target: Path) -> None:
    """Write the artifact's files into an empty folder, as source-controller unpacks it."""
    for relative in artifact.files:
        path = target / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / relative, path)


def _walk(folder: Path, root: Path, ignored: pathspec.GitIgnoreSpec) -> Iterator[tuple[os.DirEntry[str], str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise CannotRunError(f"{folder} cannot be read: {error.strerror}") from None
    for entry in entries:
        path = folder / entry.name
        relative = path.relative_to(root).as_posix()
        is_folder = entry.is_dir(follow_symlinks=False)
        if ignored.match_file(f"{relative}/" if is_folder else relative):
            continue
        if is_folder:
            yield from _walk(path, root, ignored)
        elif entry.is_file() or entry.is_symlink():
            yield entry, relative


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8", errors="replace").splitlines() if path.is_file() else []
