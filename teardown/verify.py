"""Verify that nothing is left: every probe must succeed and find nothing, several times in a row."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from common.errors import UnknownError
from common.pulumi.exported_state import StackState
from teardown import dns, probe
from teardown.kinds.stack import CLUSTER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from common.aws import Aws
    from teardown.kinds.base import Leftover
    from teardown.target import Target

READS = 3
"""AWS's lists are eventually consistent (EC2 API reference, "Ensuring idempotency and eventual consistency")."""

PAUSE = 10.0
"""Seconds between two reads."""


@dataclass(frozen=True)
class Verdict:
    """What is left."""

    left: tuple[Leftover, ...]
    unknown: tuple[str, ...]
    in_state: tuple[str, ...]
    """Type and name of each resource that the stack's state lists."""
    blocking: tuple[Leftover, ...] = ()
    """Neither the cluster's nor the stack's, and the VPC cannot be deleted while it is there."""
    elsewhere: tuple[Leftover, ...] = ()
    """Names the cluster, and is in another VPC."""
    records: tuple[dns.Record, ...] = ()
    """DNS records without a load balancer: they cost nothing, so they do not make it unclean."""
    kept: tuple[Leftover, ...] = ()
    """What outlives the cluster on purpose."""
    listed: frozenset[str] = frozenset()
    """What AWS may call what the state lists."""

    @property
    def clean(self) -> bool:
        """Whether it is verified that nothing is left."""
        return not (self.left or self.unknown or self.in_state or self.listed)

    @property
    def is_up(self) -> bool:
        """Whether the stack's cluster is there: then nothing is left, it is there."""
        return any(each.kind is CLUSTER and each.id in self.listed for each in self.left)

    def line(self, cluster: str) -> str:
        """Say what is left of a cluster, or what is not known."""
        if self.clean:
            return f"verified: nothing of {cluster} is left"
        ours = resources([each.monthly for each in self.left], "" if self.is_up else " left")
        more = f" (and {len(self.unknown) - 1} more)" if len(self.unknown) > 1 else ""
        parts = [
            f"up, {ours} in AWS" if self.is_up else ours if self.left else "",
            f"{len(self.in_state)} in the stack's state" if self.in_state else "",
            f"could not verify: {self.unknown[0]}{more}" if self.unknown else "",
        ]
        return f"{cluster}: {'; '.join(part for part in parts if part)}"


def resources(costs: Sequence[float | None], state: str = "") -> str:
    """Say how many resources there are, and what they cost: `5 resources left ($3.65/month)`.

    Args:
        costs: US dollars a month of each; None where no price is known.
        state: what they are, after a space.
    """
    unpriced = costs.count(None)
    more = f", {unpriced} of unknown cost" if unpriced else ""
    return f"{len(costs)} resource{'' if len(costs) == 1 else 's'}{state} ({monthly(costs)}{more})"


def monthly(costs: Sequence[float | None]) -> str:
    """What resources with a known price cost: `$3.65/month`."""
    return f"${sum(cost or 0.0 for cost in costs):.2f}/month"


def verify(
    aws: Aws,
    target: Target,
    read_state: Callable[[], StackState],
    *,
    reads: int = READS,
    pause: float = PAUSE,
    zones: Sequence[str] = (),
    gone: Collection[str] = (),
    say: Callable[[str], object] = lambda _line: None,
) -> Verdict:
    """Look until it is clean several times running, or once that it is not.

    Args:
        aws: the clients.
        target: the cluster.
        read_state: asks the stack's backend. Raises UnknownError.
        reads: how many clean looks it takes.
        pause: seconds between two of them.
        zones: the hosted zones in which records are looked for, once.
        gone: the DNS names that load balancers of the cluster are known to have had.
        say: told what is looked at.
    """
    say(f"checking {target.cluster}: look 1 of {reads}")
    verdict = _look(aws, target, read_state)
    for number in range(2, reads + 1):
        if not verdict.clean:
            break
        say(f"checking {target.cluster}: look {number} of {reads}, nothing found so far")
        time.sleep(pause)
        verdict = _look(aws, target, read_state)
    records = dns.dangling(aws, target, zones, gone)
    return replace(verdict, unknown=(*verdict.unknown, *records.unknown), records=records.found)


def _look(aws: Aws, target: Target, read_state: Callable[[], StackState]) -> Verdict:
    unknown: list[str] = []
    state = StackState()
    try:
        state = read_state()
    except UnknownError as error:
        unknown.append(str(error))
    findings = probe.look(aws, target, listed=state.listed)
    return Verdict(
        tuple(findings.ours),
        (*findings.unknown, *unknown),
        state.resources,
        findings.blocking,
        tuple(findings.elsewhere),
        kept=tuple(findings.kept),
        listed=state.listed,
    )


def missed(aws: Aws, target: Target, due: datetime) -> str:
    """What is wrong if the cluster has outlived a night; empty if it was made after it, or is not there.

    Args:
        aws: the clients.
        target: the cluster.
        due: when it should have been destroyed.

    Raises:
        UnknownError: AWS does not say.
    """
    findings = probe.look(aws, target, kinds=[CLUSTER])
    if findings.unknown:
        raise UnknownError("; ".join(findings.unknown))
    for cluster in findings.ours:
        created = cluster.created or datetime.fromtimestamp(0, UTC)
        if created < due:
            made = f"the cluster {cluster.id}, made {created:%Y-%m-%d %H:%M} UTC"
            return f"{made}, outlived the nightly teardown of {due:%Y-%m-%d %H:%M} UTC"
    return ""
