"""Looks at every kind at once. Three answers: it finds, it finds none, or it does not know."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from common.aws import account_of, answered
from common.errors import UnknownError
from teardown.claim import Claim
from teardown.holders import Holders, blocking
from teardown.kinds import KINDS
from teardown.kinds.stack import VPC

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from common.aws import Aws
    from teardown.kinds.base import Kind, Leftover
    from teardown.target import Target

WORKERS = 8


DELETABLE = frozenset({Claim.OURS})
RECOVERING = frozenset({Claim.OURS, Claim.STACK})
UNCLEAN = frozenset({Claim.OURS, Claim.STACK, Claim.UNPLACED})


@dataclass(frozen=True)
class Findings:
    """What a look has shown."""

    found: tuple[Leftover, ...] = ()
    """All that the probes looked at: whose each is, is in its claim."""
    unknown: tuple[str, ...] = ()
    """What could not be looked at, and why, a line each."""
    listed: frozenset[str] = field(default_factory=frozenset[str])
    """What the stack's state lists."""
    blocking: tuple[Leftover, ...] = ()
    """What keeps the VPC from being deleted, and is neither the cluster's nor the stack's: a person decides."""

    @property
    def ours(self) -> list[Leftover]:
        """What is the cluster's and the stack's, or may be: all that makes a run unclean."""
        return [each for each in self.found if each.claim in UNCLEAN and not each.kept_because]

    @property
    def kept(self) -> list[Leftover]:
        """What is the cluster's, and outlives it on purpose."""
        return [each for each in self.found if each.claim in UNCLEAN and each.kept_because]

    @property
    def left(self) -> list[Leftover]:
        """The same, without what `pulumi destroy` takes away."""
        return [each for each in self.ours if each.id not in self.listed]

    @property
    def elsewhere(self) -> list[Leftover]:
        """What names the cluster and is in another VPC: nobody's business here, and worth a line."""
        return [each for each in self.found if each.claim is Claim.ELSEWHERE]


def look(
    aws: Aws,
    target: Target,
    *,
    kinds: Sequence[Kind] = KINDS,
    listed: Collection[str] = (),
    deletable: Collection[Claim] = DELETABLE,
) -> Findings:
    """Ask for every kind, in parallel.

    Args:
        aws: the clients.
        target: the cluster; in no other account is anything looked at.
        kinds: which.
        listed: what the stack's state lists.
        deletable: the claims that a sweep would delete, which decides what is on its way out.
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
    found = resolved(found, target)
    holders = Holders(found, listed, deletable, is_whole=not unknown)
    settled = holders.settled()
    return Findings(tuple(settled), tuple(unknown), frozenset(listed), blocking(holders, settled, target))


def resolved(found: Sequence[Leftover], target: Target) -> list[Leftover]:
    """The same, with the claims that depend on what else was found.

    What carries a controller's mark alone is the cluster's, if no other cluster is in its VPC. What is in another VPC
    may be the stack's all the same, if that VPC carries the stack's tags.
    """
    is_alone = not any(target.has(each.vpc_id) and each.claim is Claim.OTHERS for each in found)
    second = {each.vpc_id for each in found if each.kind is VPC and each.claim is Claim.UNPLACED}

    def claimed(each: Leftover) -> Claim:
        if each.claim is Claim.MARKED:
            return Claim.OURS if is_alone else Claim.NOBODYS
        return Claim.UNPLACED if each.claim is Claim.ELSEWHERE and each.vpc_id in second else each.claim

    return [replace(each, claim=claimed(each)) for each in found]


def _all(kind: Kind, aws: Aws, target: Target) -> list[Leftover]:
    with answered():
        return list(kind.find(aws, target))
