"""What is to go: account, region, VPC, cluster; and what the stack's state still lists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """The one cluster, and where it is."""

    account_id: str
    region: str
    cluster: str
    stack: str
    vpc_id: str = ""
    """Empty if nobody knows it any more: then things count by their tags alone."""


@dataclass(frozen=True)
class State:
    """What the stack's state says."""

    listed: frozenset[str] = frozenset()
    """Ids and ARNs of what `pulumi destroy` takes away: never the sweep's."""
    vpc_id: str = ""
    pending: tuple[str, ...] = ()
    """What a killed run was at."""
    unread: tuple[str, ...] = ()
    """What a killed recovery has put back and not read: it has an id and nothing else."""
