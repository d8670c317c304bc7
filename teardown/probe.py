"""Looks at every kind at once. Three answers: it finds, it finds none, or it does not know."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from teardown.aws import account_of
from teardown.claim import Claim
from teardown.errors import UnknownError
from teardown.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from teardown.aws import Aws
    from teardown.kinds.base import Kind, Leftover
    from teardown.target import Target

WORKERS = 8


@dataclass(frozen=True)
class Findings:
    """What a look has shown."""

    found: tuple[Leftover, ...] = ()
    """All that the probes looked at: whose each is stands in its claim."""
    unknown: tuple[str, ...] = ()
    """What could not be looked at, and why, a line each."""
    listed: frozenset[str] = field(default_factory=frozenset[str])
    """What the stack's state lists."""

    @property
    def ours(self) -> list[Leftover]:
        """What is the cluster's, the stack's own included, and not to outlive it."""
        return [each for each in self.found if each.claim is Claim.OURS and not each.kept_because]

    @property
    def kept(self) -> list[Leftover]:
        """What is the cluster's, and outlives it on purpose."""
        return [each for each in self.found if each.claim is Claim.OURS and each.kept_because]

    @property
    def left(self) -> list[Leftover]:
        """What controllers left: the cluster's, and in no state."""
        return [each for each in self.ours if not self.is_listed(each)]

    @property
    def strangers(self) -> list[Leftover]:
        """What stands in the VPC and is not the cluster's, as far as anything says: it blocks, and a person decides."""
        others = [each for each in self.found if each.claim is not Claim.OURS and not self.is_listed(each)]
        return [each for each in others if each.in_vpc and not each.held]

    def is_listed(self, each: Leftover) -> bool:
        """Whether `pulumi destroy` takes it away."""
        return each.id in self.listed


def look(aws: Aws, target: Target, *, kinds: Sequence[Kind] = KINDS, listed: Collection[str] = ()) -> Findings:
    """Ask for every kind, in parallel.

    Args:
        aws: the clients.
        target: the cluster; in no other account is anything looked at.
        kinds: which.
        listed: what the stack's state lists.
    """
    try:
        account = account_of(aws)
    except UnknownError as error:
        return Findings(unknown=(str(error),))
    if account != target.account_id:
        why = f"the credentials are of account {account}, {target.cluster} is in {target.account_id}"
        return Findings(unknown=(f"{why}: nothing was looked at",))
    found: list[Leftover] = []
    unknown: list[str] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [(kind, pool.submit(_all, kind, aws, target)) for kind in kinds]
        for kind, future in futures:
            try:
                found += future.result()
            except UnknownError as error:
                unknown.append(f"{kind.name}: {error}")
    return Findings(tuple(_held(found)), tuple(unknown), frozenset(listed))


def _all(kind: Kind, aws: Aws, target: Target) -> list[Leftover]:
    return list(kind.find(aws, target))


def _held(found: list[Leftover]) -> list[Leftover]:
    """Security groups say which interfaces hold them that no sweep takes away: those of nodes, clusters, the stack."""
    going = {each.name for each in found if each.kind.endswith("load balancer") and each.claim is Claim.OURS}
    holders: dict[str, list[str]] = {}
    for each in found:
        if (
            each.held
            and each.groups
            and not any(f"/{name}/" in each.name or each.name.endswith(name) for name in going)
        ):
            for group in each.groups:
                holders.setdefault(group, []).append(each.id)
    return [
        replace(each, held=f"in use by {', '.join(sorted(holders[each.id])[:3])}") if each.id in holders else each
        for each in found
    ]
