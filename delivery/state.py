"""Whether a stack is up, and so what a merge does to it.

Up: the state holds the cluster and AWS says that it is ACTIVE. Down: neither has it. All else is unknown, and a merge
leaves an unknown stack alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from common.errors import FleetError
from common.pulumi import runner
from common.pulumi.locks import locks_of
from common.pulumi.runner import Stack
from delivery import evidence
from delivery.evidence import ABSENT, NoAnswerError
from infra import config
from infra.contract import names
from infra.settings import parse_file
from infra.stack_file import config_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from common.pulumi.exported_state import StackState
    from common.pulumi.locks import Lock

IN_TRANSIT = ("CREATING", "DELETING", "UPDATING", "PENDING")
"""Of the statuses of a cluster (EKS API reference, Cluster), those that pass by themselves."""


class State(StrEnum):
    """Whether a stack is there."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Operation(StrEnum):
    """What a merge does."""

    UP = "up"
    PREVIEW = "preview"


@dataclass(frozen=True)
class Verdict:
    """What is known of a stack, and what a merge does; where that is nothing, there is a remedy."""

    stack: str
    cluster: str
    state: State = State.UNKNOWN
    in_state: bool | None = None
    """Whether the state holds the cluster; None: no answer."""
    in_aws: str | None = None
    """The cluster's status in EKS, ABSENT where there is none; None: no answer."""
    operation: Operation | None = None
    reason: str = ""
    remedy: str = ""

    @property
    def line(self) -> str:
        """All of it in one line."""
        ends = {
            (State.UP, Operation.UP): "a merge updates it",
            (State.DOWN, Operation.UP): "a merge builds it",
            (State.DOWN, Operation.PREVIEW): "previewed, nothing built; a rebuild builds it",
        }
        end = ends[self.state, self.operation] if self.operation else self.remedy
        return f"{self.stack} is {self.state}: {_joined(self.reason, end)}"

    @property
    def json(self) -> dict[str, object]:
        """An object of the fields."""
        return asdict(self)


def find(folder: Path, stack: str, when_down: Operation) -> Verdict:
    """Ask the state, AWS and the lock.

    Args:
        folder: the Pulumi project's, with the stack's file.
        stack: the stack's name.
        when_down: what a merge does when the stack is down.

    Raises:
        SettingsError: the stack's file.
        FleetError: the environment is not that of any stack: no backend, no pulumi.
    """
    settings = parse_file(config_of(folder / config.file_name(stack)), stack)
    runner.backend()
    verdict = Verdict(stack, settings.cluster_name)
    try:
        recorded = evidence.recorded(folder, stack, settings.region)
        verdict = replace(verdict, in_state=settings.cluster_name in recorded.clusters)
        verdict = judge(verdict, recorded, evidence.status(settings), when_down)
        return locked(verdict, _locks(folder, stack))
    except NoAnswerError as error:
        unknown = replace(verdict, state=State.UNKNOWN, operation=None)
        return replace(unknown, reason=error.reason, remedy=error.remedy)


def judge(verdict: Verdict, recorded: StackState, status: str, when_down: Operation) -> Verdict:
    """Decide from what the state has and the cluster's status in EKS, ABSENT where there is none."""
    verdict = replace(verdict, in_state=verdict.cluster in recorded.clusters, in_aws=status)
    pending = _pending(recorded)
    others = [name for name in recorded.clusters if name != verdict.cluster]
    if not others and verdict.in_state and status == "ACTIVE":
        return replace(verdict, state=State.UP, operation=Operation.UP, reason=pending)
    if not others and not verdict.in_state and status == ABSENT:
        return replace(verdict, state=State.DOWN, operation=when_down, reason=pending)
    reason, remedy = _mismatch(verdict, status, others)
    return replace(verdict, reason=_joined(reason, pending), remedy=remedy)


def locked(verdict: Verdict, locks: Sequence[Lock]) -> Verdict:
    """Say who holds the stack. What would change it then fails, as pulumi would, but with the remedy."""
    if not locks:
        return verdict
    held = f"{verdict.stack} is locked by {' and by '.join(lock.holder for lock in locks)}"
    verdict = replace(verdict, reason=_joined(verdict.reason, held))
    if verdict.operation is not Operation.UP:
        return verdict
    remedy = (
        "wait for that run; if it was killed, free it with the workflow infra-unlock "
        f"or `fleet lock --stack {verdict.stack} --free`"
    )
    return replace(verdict, operation=None, remedy=remedy)


def _mismatch(verdict: Verdict, status: str, others: Sequence[str]) -> tuple[str, str]:
    """Why a stack is neither up nor down, and what helps."""
    stack, cluster = verdict.stack, verdict.cluster
    if status in IN_TRANSIT:
        return f"AWS says that the cluster {cluster} is {status}", "wait until that is over, and run this again"
    if others:
        return (
            f"the state holds the cluster {others[0]}, the settings name {cluster}",
            f"set {names.PROJECT}:clusterName back, or destroy the stack before its cluster gets another name",
        )
    if status == ABSENT:
        remedy = f"finish the destroy (pulumi destroy --stack {stack}), or forget it (pulumi refresh --stack {stack})"
        return f"the state holds the cluster {cluster}, AWS does not", remedy
    if not verdict.in_state:
        return (
            f"AWS has the cluster {cluster} ({status}), the state does not",
            "restore the state from an earlier version in its bucket, or delete that cluster if it is nobody's",
        )
    return (
        f"AWS says that the cluster {cluster} is {status}",
        f"see why in the EKS console, then destroy it (pulumi destroy --stack {stack}) and build it anew",
    )


def _pending(recorded: StackState) -> str:
    if not recorded.pending:
        return ""
    recover = "fleet teardown run --yes --recover takes away what it made"
    return f"a run was killed at {', '.join(recorded.pending)} ({recover})"


def _locks(folder: Path, stack: str) -> list[Lock]:
    try:
        return locks_of(Stack(folder, stack))
    except FleetError as error:
        raise NoAnswerError(str(error), "a stack is changed only when it is known who else does") from None


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
