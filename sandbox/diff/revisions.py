"""Which two states of the repository are compared, and their files."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from delivery import scope
from delivery.git import git

if TYPE_CHECKING:
    from collections.abc import Generator

MAIN = ("main", "origin/main")
"""Where BASE is looked for: the first that is there."""

SHORT = 12
"""Characters of a commit's id that are shown."""


@dataclass(frozen=True)
class Range:
    """BASE and HEAD."""

    base: str
    """The whole id of a commit."""
    head: str | None
    """The same; None: the working tree, with what is not committed."""
    called: str = ""
    """What HEAD is called in reports, where it is not by its commit."""

    @property
    def subject(self) -> str:
        """What HEAD is called."""
        return self.called or self.head or "the working tree"

    @property
    def line(self) -> str:
        """What is compared."""
        is_commit = self.called or self.head
        return f"{self.subject[:SHORT] if is_commit else self.subject} with {self.base[:SHORT]}"


def parse(root: Path, text: str | None) -> Range:
    """What `[BASE..HEAD]` names in a checkout.

    Args:
        root: the checkout.
        text: BASE..HEAD, or BASE alone; a side that is empty has its default: the merge base with main, and the
            working tree.

    Raises:
        CannotRunError: this is no checkout of git, or it has no such commit.
    """
    base, _, head = (text or "").partition("..")
    commit = _commit(root, head) if head else None
    return Range(_commit(root, base) if base else _merge_base(root, commit or "HEAD"), commit)


def _commit(root: Path, name: str) -> str:
    found = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", none=1)
    if found is None:
        raise CannotRunError(f"{name} is not a commit of {root}: name one, or fetch it (fetch-depth: 0)")
    return found.strip()


def _merge_base(root: Path, head: str) -> str:
    for main in MAIN:
        if git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{main}^{{commit}}", none=1) is None:
            continue
        found = git(root, "merge-base", "--end-of-options", main, head, none=1)
        if found is None:
            raise CannotRunError(f"{main} and {head} have no common commit here: fetch the whole history, or name BASE")
        return found.strip()
    raise CannotRunError(f"{root} has neither main nor origin/main: name what to compare with, as fleet diff BASE")


def changed(root: Path, found: Range) -> list[str]:
    """The paths that differ between BASE and HEAD, new files that are not ignored included. Raises CannotRunError."""
    names = ("diff", "--name-only", "--no-renames", "-z", "--end-of-options", found.base)
    if found.head:
        return _paths(git(root, *names, found.head, "--"))
    untracked = git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return sorted({*_paths(git(root, *names, "--")), *_paths(untracked)})


def _paths(text: str | None) -> list[str]:
    return [path for path in (text or "").split("\0") if path]


def stacks(root: Path, commit: str) -> list[str]:
    """The stacks of a commit, from its files. Raises CannotRunError."""
    found = (scope.STACK_FILE.fullmatch(path) for path in _paths(git(root, "ls-tree", "--name-only", "-z", commit)))
    return sorted(match["stack"] for match in found if match)


def contents(root: Path, commit: str, paths: tuple[str, ...]) -> str:
    """What tells the contents of paths of a commit from all others. Raises CannotRunError."""
    return git(root, "ls-tree", "-r", "-z", commit, "--", *paths) or ""


def text_of(root: Path, commit: str, path: str) -> str | None:
    """What a file of a commit says; None: there is none."""
    return git(root, "show", "--end-of-options", f"{commit}:{path}", none=128)


@contextmanager
def files(root: Path, commit: str | None) -> Generator[Path]:
    """The files of a commit, in a worktree that vanishes with the block; of None, the checkout itself.

    Raises:
        CannotRunError: git makes no worktree.
    """
    if commit is None:
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="fleet-diff-") as folder:
        target = Path(folder).resolve() / "tree"
        git(root, "worktree", "add", "--detach", "--quiet", str(target), commit)
        try:
            yield target
        finally:
            git(root, "worktree", "remove", "--force", str(target))
