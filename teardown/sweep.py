"""Deletes what is left, in the order of what depends on what, and in parallel where nothing does."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from teardown import kinds, probe
from teardown.aws import code_of, explain
from teardown.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from teardown.aws import Aws
    from teardown.kinds.base import Kind, Leftover
    from teardown.probe import Findings
    from teardown.proof import Proven
    from teardown.target import Target

WAITS = frozenset(
    {"DependencyViolation", "ResourceInUse", "InvalidParameterValue", "InvalidNetworkInterface.InUse", "VolumeInUse"}
)
"""Codes of what is still in use: its holder may be on the way out."""

GONE = (".NotFound", "NotFound", "ResourceNotFoundException")
PASSES = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable", "InternalError"})
WORKERS = 16


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

    @property
    def kept(self) -> list[Leftover]:
        """The cluster's that is not deleted: held by something else, or the stack's to take away."""
        return [each for each in self.findings.left if each not in self.doomed]


@dataclass
class Outcome:
    """What a sweep has done."""

    plan: Plan
    deleted: list[Leftover] = field(default_factory=list["Leftover"])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Label → why."""

    @property
    def good(self) -> bool:
        """Whether all that was to go is gone, and everything could be looked at."""
        return not self.failed and not self.plan.findings.unknown


def plan(aws: Aws, target: Target, listed: Collection[str]) -> Plan:
    """Look, and say what would be deleted in which order."""
    findings = probe.look(aws, target, kinds=kinds.SWEPT, listed=listed)
    free = [each for each in findings.left if not each.held]
    steps = (
        tuple(each for kind in generation for each in free if each.kind == kind.name)
        for generation in kinds.generations()
    )
    return Plan(findings, tuple(step for step in steps if step))


def sweep(aws: Proven, found: Plan, deadline: float, tell: Callable[[str], None]) -> Outcome:
    """Delete what a plan names.

    Args:
        aws: clients that may write.
        found: the plan.
        deadline: seconds that one deletion may wait for what holds it.
        tell: takes a line for each deletion.
    """
    outcome = Outcome(found)
    for step in found.steps:
        with ThreadPoolExecutor(WORKERS) as pool:
            futures = [(each, pool.submit(_delete, aws, each, deadline, tell)) for each in step]
            for each, future in futures:
                try:
                    future.result()
                except UnknownError as error:
                    outcome.failed[f"{each.kind} {each.label}"] = str(error)
                    tell(f"not deleted: {each.kind} {each.label}: {error}")
                else:
                    outcome.deleted.append(each)
    return outcome


def _delete(aws: Proven, each: Leftover, deadline: float, tell: Callable[[str], None]) -> None:
    kind = kinds.BY_NAME[each.kind]
    began = time.monotonic()

    def waits(error: BaseException) -> bool:
        if not isinstance(error, ClientError) or code_of(error) not in WAITS | PASSES:
            return False
        said = " ".join(str(error).split()).partition("operation: ")[2]
        tell(f"{each.kind} {each.label}: waiting since {time.monotonic() - began:.0f} s; AWS says: {said}")
        return True

    try:
        for attempt in Retrying(
            stop=stop_after_delay(deadline),
            wait=wait_exponential_jitter(multiplier=0.2, max=10.0, jitter=0.2),
            retry=retry_if_exception(waits),
            reraise=True,
        ):
            with attempt:
                _call(kind, aws, each)
    except ClientError as error:
        raise UnknownError(explain(error, _action(kind))) from None
    except BotoCoreError as error:
        raise UnknownError(f"AWS cannot be asked: {' '.join(str(error).split())}") from None
    tell(f"deleted: {each.kind} {each.label}")


def _call(kind: Kind, aws: Proven, each: Leftover) -> None:
    """Delete one; what is gone already counts as deleted."""
    if kind.delete is None:
        raise AssertionError(kind.name)
    try:
        kind.delete(aws, each)
    except ClientError as error:
        if not code_of(error).endswith(GONE):
            raise


def _action(kind: Kind) -> str:
    return kind.writes[0].actions[0] if kind.writes else kind.name
