"""Deletes what is left, in the order of what depends on what, and in parallel where nothing does."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from common.aws import answered, code_of
from common.errors import UnknownError
from common.text import clean
from teardown import kinds, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from common.aws import Aws
    from common.target import Proven
    from teardown.kinds.base import Leftover
    from teardown.probe import Findings
    from teardown.target import Target
    from teardown.time_budget import Budget

WAITS = frozenset(
    {
        "DependencyViolation",
        "InvalidIPAddress.InUse",
        "InvalidNetworkInterface.InUse",
        "InvalidParameterValue",
        "ResourceInUse",
        "ResourceInUseException",
        "VolumeInUse",
    }
)
"""Codes of what is still in use: its holder may be on the way out."""

GONE = (".NotFound", "NotFound", "ResourceNotFoundException", "NoSuchEntity")
PASSES = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable", "InternalError"})
WORKERS = 16

PATIENCE = 600.0
"""Seconds that deletions which depend on nothing of each other may wait for what holds them."""


@dataclass(frozen=True)
class Plan:
    """What a sweep would do."""

    findings: Findings
    steps: tuple[tuple[Leftover, ...], ...]
    """What is deleted together, group after group."""

    @property
    def doomed(self) -> list[Leftover]:
        """All that is deleted."""
        return [each for step in self.steps for each in step]

    def only(self, ids: Collection[str]) -> Plan:
        """The same, of some resources alone."""
        steps = (tuple(each for each in step if each.id in ids) for step in self.steps)
        return replace(self, steps=tuple(step for step in steps if step))

    @property
    def kept(self) -> list[Leftover]:
        """What is left and not deleted: held by what stays, of a VPC that is not known, or the stack's own."""
        doomed = {(each.kind, each.id) for each in self.doomed}
        return [each for each in self.findings.left if (each.kind, each.id) not in doomed]


@dataclass
class Outcome:
    """What a sweep has done."""

    plan: Plan
    deleted: list[Leftover] = field(default_factory=list["Leftover"])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Kind and label → why."""

    @property
    def good(self) -> bool:
        """Whether all that was to go is gone, and everything could be looked at."""
        return not self.failed and not self.plan.findings.unknown


def plan(aws: Aws, target: Target, listed: Collection[str], *, recover: bool = False) -> Plan:
    """Look, and say what would be deleted in which order.

    Args:
        aws: the clients.
        target: the cluster.
        listed: what the stack's state lists: never deleted here.
        recover: whether what the stack made, and its state has lost, goes too.
    """
    deletable = probe.RECOVERING if recover else probe.DELETABLE
    findings = probe.look(aws, target, listed=listed, deletable=deletable)
    free = [each for each in findings.left if each.claim in deletable and not each.held]
    steps = (
        tuple(each for kind in generation if kind.delete for each in free if each.kind is kind)
        for generation in kinds.generations()
    )
    return Plan(findings, tuple(step for step in steps if step))


def sweep(
    aws: Proven, found: Plan, budget: Budget, tell: Callable[[str], None], *, patience: float = PATIENCE
) -> Outcome:
    """Delete what a plan names.

    Args:
        aws: clients that may write.
        found: the plan.
        budget: when all of it ends.
        tell: takes a line for each deletion.
        patience: seconds that one deletion may wait for what holds it, which is on its way out.
    """
    outcome = Outcome(found)
    for step in found.steps:
        until = budget.part(1.0, most=patience)
        with ThreadPoolExecutor(WORKERS) as pool:
            futures = [(each, pool.submit(_delete, aws, each, until, tell)) for each in step]
            for each, future in futures:
                try:
                    future.result()
                except UnknownError as error:
                    outcome.failed[each.title] = str(error)
                    tell(f"not deleted: {each.title}: {error}")
                else:
                    outcome.deleted.append(each)
    return outcome


def _delete(aws: Proven, each: Leftover, until: Budget, tell: Callable[[str], None]) -> None:
    """Delete one, and wait until it is gone. Raises UnknownError."""
    began = time.monotonic()

    def waits(error: BaseException) -> bool:
        if not isinstance(error, ClientError) or code_of(error) not in WAITS | PASSES:
            return False
        said = clean(str(error).partition("operation: ")[2])
        tell(f"{each.title}: waiting since {time.monotonic() - began:.0f} s; AWS says: {said}")
        return True

    with answered():
        for attempt in Retrying(
            stop=stop_after_delay(until.left),
            wait=wait_exponential_jitter(multiplier=0.2, max=10.0, jitter=0.2),
            retry=retry_if_exception(waits),
            reraise=True,
        ):
            with attempt:
                _call(aws, each)
        _await_end(aws, each, until, tell)
    tell(f"deleted: {each.title}")


def _await_end(aws: Aws, each: Leftover, until: Budget, tell: Callable[[str], None]) -> None:
    """Wait for a deletion that goes on after its call. Raises ClientError, and UnknownError at the deadline."""
    if each.kind.is_gone is None:
        return
    began = time.monotonic()
    for pause in wait_times():
        if each.kind.is_gone(aws, each):
            return
        if until.left == 0.0:
            raise UnknownError(f"AWS has not deleted it within {time.monotonic() - began:.0f} s")
        tell(f"{each.title}: AWS is deleting it, for {time.monotonic() - began:.0f} s")
        time.sleep(min(pause, until.left))


def wait_times() -> Iterator[float]:
    """Seconds between two looks at a deletion that goes on: longer each time, at most 15."""
    pause = 0.2
    while True:
        yield pause
        pause = min(15.0, pause * 1.6)


def _call(aws: Proven, each: Leftover) -> None:
    """Delete one; what is gone already counts as deleted."""
    if each.kind.delete is None:
        raise AssertionError(each.title)
    try:
        each.kind.delete(aws, each)
    except ClientError as error:
        if not code_of(error).endswith(GONE):
            raise
