"""`pulumi destroy`, with its lock, and what stands in its way: killed runs, stale locks, half-deleted clusters."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.commands import engine, lock
from infra.commands.errors import CommandError
from teardown.errors import HeldError, TeardownError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from infra.commands.lock import Lock
    from teardown.budget import Budget
    from teardown.locks import Here
    from teardown.proof import Proven
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
    locks: tuple[Lock, ...] = ()
    """The locks that it is; none of a pending operation."""
    is_left: bool = True
    """Whether a run that is gone has left it: then `--recover` takes it."""


class RefusedError(TeardownError):
    """A destroy did not go well."""

    def __init__(self, why: str, *, blocked: bool) -> None:
        super().__init__(f"pulumi destroy failed: {why}")
        self.blocked = blocked
        """Whether AWS refused because something is left: then a sweep may help."""


def obstacles(folder: Path, stack: str, state: State, here: Here) -> list[Obstacle]:
    """Find what keeps a destroy from going well: locks, and operations that nobody knows the end of.

    Raises:
        TeardownError: the backend cannot be asked.
    """
    found: list[Obstacle] = []
    locks = _locks(folder, stack)
    if locks:
        now = datetime.now(UTC)
        what = f"{stack} is locked by {' and by '.join(here.whose(each, now) for each in locks)}"
        is_left = all(here.is_left(each) for each in locks)
        found.append(Obstacle(what, ("cancel", "--yes"), locks, is_left=is_left))
    if state.pending:
        found.append(Obstacle(f"a run was killed at {', '.join(state.pending)}"))
    if state.unread:
        found.append(Obstacle(f"a recovery was killed before it read {', '.join(state.unread)}"))
    return found


def refuse(stack: str, found: list[Obstacle], *, recover: bool, take_lock: bool) -> None:
    """Stop at an obstacle that these options do not take.

    Raises:
        HeldError: there is one; the message says whose it is, and what to do.
    """
    for obstacle in found:
        if take_lock and obstacle.locks:
            continue
        again = f"python -m teardown run --stack {stack} --yes --recover"
        if not obstacle.is_left:
            ask = "it is not taken: ask whether that run is under way, and once it is not"
            raise HeldError(f"{obstacle.what}; {ask}: {again} --take-lock", ("--recover", "--take-lock"))
        if not recover:
            raise HeldError(f"{obstacle.what}; run this again with --recover", ("--recover",))


def recover(proven: Proven, folder: Path, stack: str, found: list[Obstacle], tell: Callable[[str], None]) -> None:
    """Take away what pulumi can.

    Raises:
        TeardownError: pulumi fails, or somebody else has taken the lock meanwhile.
    """
    for obstacle in (each for each in found if each.remedy):
        if obstacle.locks and _locks(folder, stack) != obstacle.locks:
            raise TeardownError(f"{stack} is locked by somebody else by now: run this again")
        tell(f"{obstacle.what}: pulumi {' '.join(obstacle.remedy)} --stack {stack}")
        pulumi(proven, folder, stack, obstacle.remedy, tell)


def destroy(proven: Proven, folder: Path, stack: str, budget: Budget, tell: Callable[[str], None]) -> None:
    """Destroy the stack. One without resources, or that the backend has not, is done at once.

    At its deadline pulumi is interrupted as by Ctrl-C, so that it writes down how far it came.

    Raises:
        RefusedError: it did not go well.
    """
    late: list[float] = []

    def interrupt(process: subprocess.Popen[str]) -> None:
        late.append(time.monotonic() - began)
        tell(f"pulumi destroy has taken {late[0]:.0f} s, which is all that this run has for it: interrupted")
        process.send_signal(signal.SIGINT)

    began = time.monotonic()
    command = ("destroy", "--yes", "--skip-preview")
    code, lines = _run(
        proven, folder, stack, command, tell, lambda process: threading.Timer(budget.left, interrupt, (process,))
    )
    if late:
        raise RefusedError(f"it did not end within {late[0]:.0f} s; run this again", blocked=False)
    if code not in (0, engine.NO_STACK):
        said = "\n".join(lines)
        raise RefusedError(_cause(lines), blocked=any(each in said for each in REFUSALS))


def _locks(folder: Path, stack: str) -> tuple[Lock, ...]:
    try:
        return tuple(lock.Stack(folder, stack).locks())
    except CommandError as error:
        raise TeardownError(str(error)) from None


def _cause(lines: list[str]) -> str:
    """The first error that pulumi names."""
    found = [line.partition("error: ")[2].strip() for line in lines if "error: " in line]
    return found[0] if found else next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")


def pulumi(
    proven: Proven,
    folder: Path,
    stack: str,
    arguments: tuple[str, ...],
    tell: Callable[[str], None],
    document: str = "",
) -> None:
    """Run pulumi, which must succeed; `document` is its standard input. Raises TeardownError: it fails."""
    code, lines = _run(proven, folder, stack, arguments, tell, document=document)
    if code != 0:
        command = " ".join(arguments[:2]) if arguments[0] == "stack" else arguments[0]
        raise TeardownError(f"pulumi {command} failed: {_cause(lines)}")


def _run(
    proven: Proven,
    folder: Path,
    stack: str,
    arguments: tuple[str, ...],
    tell: Callable[[str], None],
    timer: Callable[[subprocess.Popen[str]], threading.Timer] | None = None,
    document: str = "",
) -> tuple[int, list[str]]:
    """Let pulumi change a stack that is proven; gives its exit code and all lines, which `tell` gets as they come."""
    proven.require(stack)
    command = ["pulumi", "--non-interactive", *arguments, "--stack", stack]
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
            clock = timer(process) if timer else None
            if clock:
                clock.start()
            try:
                for line in process.stdout or ():
                    lines.append(line.rstrip())
                    if line.strip():
                        tell(line.rstrip())
                return process.wait(), lines
            finally:
                if clock:
                    clock.cancel()
    except FileNotFoundError:
        raise TeardownError("pulumi is not on PATH: install the version that mise.toml names") from None


def _rewound(file: IO[str], text: str) -> IO[str]:
    file.write(text)
    file.flush()
    file.seek(0)
    return file
