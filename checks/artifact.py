"""What of a working tree reaches the cluster: the files that source-controller puts into its artifact.

Source: fluxcd/pkg sourceignore (LoadIgnorePatterns: the .sourceignore files of all folders; the last pattern that
matches counts), and its artifact/storage (SourceIgnoreFilter: the default patterns count only where there are no
others), which archives regular files only: a symlink is silently left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

IGNORE_FILE = ".sourceignore"

OF_GIT = (".git/", ".gitignore", ".gitmodules", ".gitattributes")

EXCLUDED = (
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml"),
    *("codeship-services.yml", "codeship-steps.yml", "**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)
"""What is left out where neither a .sourceignore nor spec.ignore says anything."""

LOCAL = (".git", ".venv*", "node_modules", "__pycache__", ".*_cache", ".hypothesis", ".sandbox")
"""Folders of working trees that are in no commit."""


@dataclass(frozen=True)
class Artifact:
    """The files of a working tree that Flux gets to see."""

    files: tuple[str, ...]
    """From the root, with slashes, sorted."""
    symlinks: tuple[str, ...]
    """The links among them, which Flux does not see."""
    ignored: tuple[str, ...] = ()
    """The files that are left out of the artifact."""


def scan(root: Path, ignore: Iterable[str] = ()) -> Artifact:
    """Find the files of a working tree that Flux gets to see.

    In a Git checkout these are the files that Git tracks, or would with the next `git add`: source-controller reads no
    .gitignore. Elsewhere they are all files.

    Args:
        root: the working tree.
        ignore: the lines of the source's spec.ignore, which come last.

    Raises:
        FleetError: it is not a folder, or a folder in it cannot be read.
    """
    if not root.is_dir():
        raise CannotRunError(f"{root} is not a folder: name the root of a repository that Flux reads")
    tracked = _tracked(root)
    names = sorted(_walk(root, root) if tracked is None else tracked)
    ignore_files = [name for name in names if name == IGNORE_FILE or name.endswith(f"/{IGNORE_FILE}")]
    # Go's order: a folder's own file first, then those of its folders.
    own = [*(line for name in sorted(ignore_files, key=_folders) for line in _lines(root, name)), *ignore]
    own = [line for line in own if line.strip() and not line.startswith("#")]
    patterns = [_Pattern.of(line) for line in (*OF_GIT, *(own or EXCLUDED))]
    seen = [name for name in names if not _is_ignored(name, patterns)]
    symlinks = tuple(name for name in seen if (root / name).is_symlink())
    return Artifact(
        files=tuple(name for name in seen if (root / name).is_file() and name not in symlinks),
        symlinks=symlinks,
        ignored=tuple(sorted(set(names) - set(seen))),
    )


def copy(root: Path, files: Mapping[str, str], target: Path) -> None:
    """Write files into an empty folder, as source-controller unpacks its artifact.

    Args:
        root: the repository.
        files: those to write: new name → name in the repository.
        target: the folder.

    What is not YAML is linked where the file system can, which is twenty times as fast: nothing here writes to it.
    """
    for folder in {(target / new).parent for new in files}:
        folder.mkdir(parents=True, exist_ok=True)
    for new, name in files.items():
        if name.endswith(WRITTEN) or not _is_linked(root / name, target / new):
            shutil.copyfile(root / name, target / new)


WRITTEN = (".yaml", ".yml", "Kustomization")
"""Files of the artifact that the build may write anew: Flux's own manifests, kustomization files."""


def _is_linked(source: Path, target: Path) -> bool:
    """Link a file; False where the file system does not, such as across devices."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class _Pattern:
    """A line of a .sourceignore, read as go-git does: it matches files, and all that lies beneath what it matches."""

    regex: re.Pattern[str]
    includes: bool

    @classmethod
    def of(cls, line: str) -> _Pattern:
        includes, pattern = line.startswith("!"), line.removeprefix("!").rstrip(" ")
        is_folder, pattern = pattern.endswith("/"), pattern.removesuffix("/")
        start = "" if "/" in pattern else "(?:.*/)?"
        steps = [step for step in pattern.removesuffix("/**").split("/") if step]
        inner = "".join("(?:[^/]+/)*" if step == "**" else f"{_translated(step)}/" for step in steps)
        return cls(re.compile(f"{start}{inner.removesuffix('/')}{'/' if is_folder else '(?:/|$)'}"), includes)


def _translated(glob: str) -> str:
    """A glob of Go's filepath.Match as a regular expression."""
    return "".join(map(_translated_part, _GLOB_PARTS.findall(glob)))


_GLOB_PARTS = re.compile(r"\[[^\]]+\]|.")


def _translated_part(part: str) -> str:
    if part.startswith("[") and len(part) > 1:
        return part
    return {"*": "[^/]*", "?": "[^/]"}.get(part) or re.escape(part)


def _is_ignored(name: str, patterns: Sequence[_Pattern]) -> bool:
    """Whether the last pattern that matches a file leaves it out."""
    return next((not each.includes for each in reversed(patterns) if each.regex.match(name)), False)


def _tracked(root: Path) -> list[str] | None:
    """What Git tracks or would take, from the root; None where Git has nothing to say."""
    if not (root / ".git").exists():
        return None
    command = ["git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
    except OSError:
        return None
    names = {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}
    return sorted(name for name in names if os.path.lexists(root / name)) if done.returncode == 0 else None


def _walk(folder: Path, root: Path) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise CannotRunError(f"{folder} cannot be read: {error.strerror}") from None
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if not any(fnmatch(entry.name, pattern) for pattern in LOCAL):
                yield from _walk(path, root)
        elif entry.is_file() or entry.is_symlink():
            yield path.relative_to(root).as_posix()


def _folders(name: str) -> list[str]:
    return name.split("/")[:-1]


def _lines(root: Path, name: str) -> Iterator[str]:
    """The patterns of a .sourceignore, from the root: one without a slash in it counts anywhere beneath its folder."""
    folder = name.removesuffix(IGNORE_FILE)
    for line in (root / name).read_text("utf-8", errors="replace").splitlines():
        pattern = line.removeprefix("!")
        if line.startswith("#") or not pattern.strip():
            continue
        anywhere = "" if "/" in pattern.rstrip().removesuffix("/") else "**/"
        inner = f"/{folder}{anywhere}{pattern.removeprefix('/')}" if folder else pattern
        yield f"{'!' if line.startswith('!') else ''}{inner}"
