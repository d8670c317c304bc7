"""`pulumi destroy`, with its lock, and what stands in its way: killed runs, stale locks, half-deleted clusters."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.commands import engine, lock
from infra.commands.errors import CommandError
from teardown.errors import TeardownError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from teardown.target import State

REFUSALS = (
    "DependencyViolation",
    "has dependencies",
    "has a dependent object",
    "is currently in use",
    "ResourceInUse",
    "mapped public address",
    "timed out waiting",
)
"""What the provider says where AWS keeps something because something else needs it: the sweep's business."""


@dataclass(frozen=True)
class Obstacle:
    """What keeps a destroy from going well, and what takes it away."""

    what: str
    remedy: tuple[str, ...] = ()
    """Arguments of pulumi; none for what `teardown.recovery` answers."""

    def answer(self, stack: str) -> str:
        """What `--recover` does about it."""
        if not self.remedy:
            return "what it made is found in AWS and put back into the state"
        return f"pulumi {' '.join(self.remedy)} --stack {stack}"


class RefusedError(TeardownError):
    """A destroy did not go well."""

    def __init__(self, why: str, *, blocked: bool) -> None:
        super().__init__(f"pulumi destroy failed: {why}")
        self.blocked = blocked
        """Whether AWS refused because something is left: then a sweep may help."""


def obstacles(folder: Path, stack: str, state: State) -> list[Obstacle]:
    """What a killed run has left: its lock, and operations that nobody knows the end of.

    Raises:
        TeardownError: the backend cannot be asked.
    """
    found: list[Obstacle] = []
    try:
        locks = lock.Stack(folder, stack).locks()
    except CommandError as error:
        raise TeardownError(str(error)) from None
    if locks:
        holders = " and ".join(each.holder for each in locks)
        found.append(Obstacle(f"{stack} is locked by {holders}", ("cancel", "--yes")))
    if state.pending:
        found.append(Obstacle(f"a run was killed at {', '.join(state.pending)}"))
    if state.unread:
        found.append(Obstacle(f"a recovery was killed before it read {', '.join(state.unread)}"))
    return found


def recover(folder: Path, stack: str, found: list[Obstacle], tell: Callable[[str], None]) -> None:
    """Take away what pulumi can. Raises TeardownError: pulumi fails."""
    for obstacle in (each for each in found if each.remedy):
        tell(f"{obstacle.what}: {obstacle.answer(stack)}")
        pulumi(folder, (*obstacle.remedy, "--stack", stack), tell)


def destroy(folder: Path, stack: str, tell: Callable[[str], None]) -> None:
    """Destroy the stack. One without resources, or that the backend has not, is done at once.

    Raises:
        RefusedError: it did not go well.
    """
    code, lines = _run(folder, ("destroy", "--yes", "--skip-preview", "--stack", stack), tell)
    if code not in (0, engine.NO_STACK):
        said = "\n".join(lines)
        raise RefusedError(_cause(lines), blocked=any(each in said for each in REFUSALS))


def _cause(lines: list[str]) -> str:
    """The first error that pulumi names."""
    found = [line.partition("error: ")[2].strip() for line in lines if "error: " in line]
    return found[0] if found else next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")


def pulumi(folder: Path, arguments: tuple[str, ...], tell: Callable[[str], None], document: str = "") -> None:
    """Run pulumi, which must succeed; `document` is its standard input. Raises TeardownError: it fails."""
    code, lines = _run(folder, arguments, tell, document)
    if code != 0:
        command = " ".join(arguments[:2]) if arguments[0] == "stack" else arguments[0]
        raise TeardownError(f"pulumi {command} failed: {_cause(lines)}")


def _run(
    folder: Path, arguments: tuple[str, ...], tell: Callable[[str], None], document: str = ""
) -> tuple[int, list[str]]:
    """Run pulumi to its end; gives its exit code and all lines that it printed, which `tell` gets as they come."""
    command = ["pulumi", "--non-interactive", *arguments]
    lines: list[str] = []
    try:
        # A file without a name, whose end pulumi sees: a pipe could fill up while nobody reads.
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as given,
            subprocess.Popen(  # noqa: S603 our own arguments
                command,
                cwd=folder,
                stdin=_rewound(given, document),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            ) as process,
        ):
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if line.strip():
                    tell(line.rstrip())
            return process.wait(), lines
    except FileNotFoundError:
        raise TeardownError("pulumi is not on PATH: install the version that mise.toml names") from None


def _rewound(file: IO[str], text: str) -> IO[str]:
    file.write(text)
    file.flush()
    file.seek(0)
    return file
