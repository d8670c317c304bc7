"""`pulumi destroy`, with its lock, and what blocks it: killed runs, stale locks, half-deleted clusters."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from common import timing
from common.errors import FleetError
from common.pulumi import runner
from common.pulumi.locks import locks_of
from common.pulumi.runner import Stack
from teardown import capture
from teardown.lock_owner import HeldError
from teardown.recovery import deployment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from common.pulumi.exported_state import StackState
    from common.pulumi.locks import Lock
    from common.pulumi.runner import Done
    from common.target import Proven
    from teardown.lock_owner import Here
    from teardown.time_budget import Budget

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


class RefusedError(FleetError):
    """A destroy did not go well."""

    def __init__(self, why: str, *, blocked: bool) -> None:
        super().__init__(f"pulumi destroy failed: {why}")
        self.blocked = blocked
        """Whether AWS refused because something is left: then a sweep may help."""


def obstacles(folder: Path, stack: str, state: StackState, here: Here) -> list[Obstacle]:
    """Find what keeps a destroy from going well: locks, and operations that nobody knows the end of.

    Raises:
        FleetError: the backend cannot be asked.
    """
    found: list[Obstacle] = []
    locks = tuple(locks_of(Stack(folder, stack)))
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
        again = f"fleet teardown run --stack {stack} --yes --recover"
        if not obstacle.is_left:
            ask = "it is not taken: ask whether that run is under way, and once it is not"
            raise HeldError(f"{obstacle.what}; {ask}: {again} --take-lock", ("--recover", "--take-lock"))
        if not recover:
            raise HeldError(f"{obstacle.what}; run this again with --recover", ("--recover",))


def recover(proven: Proven, folder: Path, stack: str, found: list[Obstacle], tell: Callable[[str], None]) -> None:
    """Take away what pulumi can.

    Raises:
        FleetError: pulumi fails, or somebody else has taken the lock meanwhile.
    """
    for obstacle in (each for each in found if each.remedy):
        if obstacle.locks and tuple(locks_of(Stack(folder, stack))) != obstacle.locks:
            raise FleetError(f"{stack} is locked by somebody else by now: run this again")
        tell(f"{obstacle.what}: pulumi {' '.join(obstacle.remedy)} --stack {stack}")
        pulumi(proven, folder, stack, obstacle.remedy, tell)


def forget_associations(proven: Proven, folder: Path, stack: str, tell: Callable[[str], None]) -> None:
    """Take out of the state what a refresh has read: which association holds an address.

    pulumi-aws ends an association that the state knows before it releases the address. By then the NAT gateway is gone,
    and the association with it: EC2 cannot tell whose it was, and so refuses a role whose permissions depend on tags.
    Source: terraform-provider-aws, delete of aws_eip.

    Raises:
        FleetError: the backend cannot be asked, or pulumi fails.
    """
    exported = capture.exported(folder, stack)
    if exported is None:
        return
    before = deployment.parse(exported)
    after = before.without_associations()
    if after != before:
        tell(f"addresses of {stack} forget which gateways hold them: these go first")
        pulumi(proven, folder, stack, ("stack", "import"), tell, after.text())


def destroy(
    proven: Proven,
    folder: Path,
    stack: str,
    budget: Budget,
    tell: Callable[[str], None],
    timings: Path | None = None,
) -> None:
    """Destroy the stack. One without resources, or that the backend has not, is done at once.

    At its deadline pulumi is interrupted as by Ctrl-C, so that it writes down how far it came. With a folder for
    timings pulumi writes its events there.

    Raises:
        RefusedError: it did not go well.
    """
    began = time.monotonic()
    log = timing.event_log(timings, "teardown") if timings else ()
    command = ("destroy", "--yes", "--skip-preview", *log)
    done = _run(proven, folder, stack, command, tell, deadline=budget.left)
    if done.interrupted:
        raise RefusedError(f"it did not end within {time.monotonic() - began:.0f} s; run this again", blocked=False)
    if done.code not in (0, runner.NO_STACK):
        raise RefusedError(_cause(done.stderr), blocked=any(each in done.stderr for each in REFUSALS))


def _cause(said: str) -> str:
    """The first error that pulumi names."""
    lines = said.splitlines()
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
    """Run pulumi, which must succeed; `document` is its standard input. Raises FleetError: it fails."""
    done = _run(proven, folder, stack, arguments, tell, document=document)
    if done.code != 0:
        command = " ".join(arguments[:2]) if arguments[0] == "stack" else arguments[0]
        raise FleetError(f"pulumi {command} failed: {_cause(done.stderr)}")


def _run(
    proven: Proven,
    folder: Path,
    stack: str,
    arguments: tuple[str, ...],
    tell: Callable[[str], None],
    deadline: float | None = None,
    document: str = "",
) -> Done:
    """Let pulumi change a stack that is proven; `tell` gets its lines as they come."""
    proven.require(stack)

    def told(line: str) -> None:
        if line:
            tell(line)

    command = (*arguments, "--stack", stack)
    environment = {**os.environ, **timing.SWITCH} if arguments[0] == "destroy" else None
    return runner.run(
        folder, *command, tell=told, environment=environment, document=document, together=True, deadline=deadline
    )
