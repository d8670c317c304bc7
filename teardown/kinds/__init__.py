"""Every kind of thing that is looked for, and the order in which they go."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from teardown.kinds import balancers, logs, network, stack

if TYPE_CHECKING:
    from teardown.kinds.base import Kind

SWEPT: tuple[Kind, ...] = (*balancers.KINDS, *network.KINDS, *logs.KINDS)
"""What controllers leave."""

KINDS: tuple[Kind, ...] = (*SWEPT, *stack.KINDS)
"""The same, and what the stack makes."""

BY_NAME = {kind.name: kind for kind in KINDS}


def places() -> dict[str, int]:
    """Kind → its place in the order in which all of them can be removed."""
    order = TopologicalSorter({kind.name: set(kind.after) for kind in KINDS}).static_order()
    return {name: place for place, name in enumerate(order)}


def generations() -> list[list[Kind]]:
    """The kinds that can be deleted, in groups: nothing in a group waits for another of it."""
    order = TopologicalSorter({kind.name: set(kind.after) for kind in SWEPT if kind.delete})
    order.prepare()
    groups: list[list[Kind]] = []
    while names := order.get_ready():
        groups.append([BY_NAME[name] for name in sorted(names)])
        order.done(*names)
    return groups
