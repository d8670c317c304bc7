"""Which parts of the repository a change touches, so that a workflow can leave out what the change cannot reach.

A part is left out only where that is sure: whatever git cannot tell is an error, or everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from delivery.git import git

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

APART = re.compile(r"(k8s|policies|applications|docs)/|[^/]+\.md$|LICENSE$")
"""What no Pulumi program and no test of one is made from."""

STACK_ONLY = re.compile(r"(sandbox|tests)/|__main__\.py$|Pulumi(\.[^/]+)?\.yaml$")
"""Of the rest, what the permanent layer is not made from."""

MANIFESTS = re.compile(r"k8s/|checks\.yaml$|\.sourceignore$")
"""What Flux builds from, and what stands for its variables."""

STACK_FILE = re.compile(r"Pulumi\.(?P<stack>.+)\.yaml")

NO_COMMIT = re.compile(r"0+")
"""What GitHub gives as the commit before a branch's first push."""


@dataclass(frozen=True)
class Scope:
    """What a change touches, and why that is known."""

    infra: bool
    permanent: bool
    reason: str
    manifests: bool = True


def classify(paths: Iterable[str]) -> Scope:
    """What changed files touch; a file that moved is two paths. Paths are relative to the repository, with slashes."""
    paths = list(paths)
    manifests = any(MANIFESTS.match(path) for path in paths)
    infra = [path for path in paths if not APART.match(path)]
    permanent = [path for path in infra if not STACK_ONLY.match(path)]
    if not infra:
        reason = "no file of the programs or their tests changed"
        return Scope(infra=False, permanent=False, reason=reason, manifests=manifests)
    more = f" and {len(infra) - 1} more" if infra[1:] else ""
    reason = f"{infra[0]!r}{more} changed"
    return Scope(infra=True, permanent=bool(permanent), reason=reason, manifests=manifests)


def find(folder: Path, base: str, head: str) -> Scope:
    """What `head` changes since it left `base`: everything where there is no `base`.

    Raises:
        FleetError: git cannot tell.
    """
    if NO_COMMIT.fullmatch(base):
        return Scope(infra=True, permanent=True, reason="there is no commit before: everything counts as changed")
    revision = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    if git(folder, *revision, f"{base}^{{commit}}", none=1) is None:
        reason = f"the commit {base} is not in this clone: everything counts as changed"
        return Scope(infra=True, permanent=True, reason=reason)
    # Without --no-renames a file that left a folder is listed by its new path alone.
    changed = git(folder, "diff", "--name-only", "--no-renames", "-z", "--end-of-options", f"{base}...{head}", "--")
    return classify([path for path in (changed or "").split("\0") if path])


def since_infra(folder: Path, head: str = "HEAD") -> tuple[list[str], list[str]]:
    """The commits of a branch's own line, divided at the newest one that touches the programs.

    Returns:
        That commit and those after it, oldest first; and those before it, newest first. All are full hashes.

    Raises:
        FleetError: git cannot tell, or the clone has not the whole history.
    """
    if (git(folder, "rev-parse", "--is-shallow-repository") or "").strip() == "true":
        raise CannotRunError(f"{folder} is a shallow clone, without earlier commits: check out with fetch-depth: 0")
    commits = (git(folder, "rev-list", "--first-parent", "--end-of-options", head) or "").split()
    for number, commit in enumerate(commits, start=1):
        if find(folder, f"{commit}^1", commit).infra:  # a root has no parent, and counts as a change of everything
            return commits[:number][::-1], commits[number:]
    raise CannotRunError(f"{head} has no commit")


def stacks(folder: Path) -> list[str]:
    """The stacks of the project in a folder, from its files."""
    found = (STACK_FILE.fullmatch(path.name) for path in folder.iterdir())
    return sorted(match["stack"] for match in found if match)
