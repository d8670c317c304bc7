"""What has what in use, and whether it is on its way out: only then is it of use to wait.

An interface in use goes with its instance, load balancer, gateway or endpoint; a security group is free once every
interface that has it is gone. What a holder that stays has in use is not tried, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from teardown.claim import Claim
from teardown.kinds.balancers import BALANCER
from teardown.kinds.network import GROUP, INTERFACE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from teardown.kinds.base import Kind, Leftover
    from teardown.target import Target

SHOWN = 3
"""How many holders are named."""


@dataclass(frozen=True)
class Holders:
    """All that was found, by what it is called where it holds something."""

    found: Sequence[Leftover]
    listed: Collection[str]
    """What the stack's state lists: `pulumi destroy` takes it away, and no sweep."""
    deletable: Collection[Claim]
    """The claims that a sweep deletes."""
    is_whole: bool
    """Whether every kind could be looked at: else what is not found may still be there."""

    @cached_property
    def _index(self) -> dict[tuple[Kind, str], Leftover]:
        return {_key(each): each for each in self.found}

    def settled(self) -> list[Leftover]:
        """The same, where each says what holds it, if that stays; what is only held by what goes is free."""
        return [self._settle(each) for each in self.found]

    def is_part(self, each: Leftover) -> bool:
        """Whether it goes with something that was found."""
        return each.holder in self._index

    def _settle(self, each: Leftover) -> Leftover:
        if each.kind is GROUP and not each.held:
            return replace(each, held=self._members(each.id))
        if each.kind is not INTERFACE and each.holder and self._is_going(each.holder):
            return replace(each, held="")
        return each

    def _members(self, group: str) -> str:
        """Which interfaces hold a security group, and stay."""
        staying = [each for each in self.found if group in each.groups and not self._goes(each)]
        interfaces = sorted((each for each in staying if each.kind is INTERFACE), key=lambda each: each.id)
        return f"in use by {', '.join(each.label for each in interfaces[:SHOWN])}" if interfaces else ""

    def _is_going(self, holder: tuple[Kind, str]) -> bool:
        """Whether a holder is gone, or on its way out."""
        found = self._index.get(holder)
        return self.is_whole if found is None else self._goes(found)

    def _goes(self, each: Leftover) -> bool:
        """Whether a sweep deletes it, or what it belongs to."""
        if each.holder:
            return self._is_going(each.holder)
        return each.claim in self.deletable and not each.held and each.id not in self.listed


def blocking(holders: Holders, found: Iterable[Leftover], target: Target) -> tuple[Leftover, ...]:
    """What keeps the VPC from being deleted, and is neither the cluster's nor the stack's.

    Args:
        holders: what was found, by what it is called.
        found: the same, settled.
        target: the cluster, whose VPC counts.
    """
    theirs = (Claim.NOBODYS, Claim.OTHERS, Claim.SHARED)
    return tuple(
        each
        for each in found
        if target.has(each.vpc_id)
        and each.claim in theirs
        and each.kind.blocks_vpc
        and each.id not in holders.listed
        and not holders.is_part(each)
    )


def _key(each: Leftover) -> tuple[Kind, str]:
    """What something is called where it holds something: a load balancer by the end of its ARN."""
    return each.kind, each.id.partition(":loadbalancer/")[2] if each.kind is BALANCER else each.id
