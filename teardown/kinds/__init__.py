"""Every kind of thing that is looked for, and the order in which they go."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from teardown.kinds import balancers, identity, logs, network, stack

if TYPE_CHECKING:
    from teardown.kinds.base import Kind

KINDS: tuple[Kind, ...] = (*balancers.KINDS, *network.KINDS, *logs.KINDS, *stack.KINDS, *identity.KINDS)
"""What controllers leave, and what the stack makes."""

BY_NAME = {kind.name: kind for kind in KINDS}


def places() -> dict[str, int]:
    """Kind → its place in the order in which all of them can be removed."""
    ordered = (kind.name for generation in generations() for kind in generation)
    return {name: place for place, name in enumerate(ordered)}


def generations() -> list[list[Kind]]:
    """All kinds in groups: nothing in a group waits for another of it, each group for those before it."""
    order = TopologicalSorter({kind.name: set(kind.after) for kind in KINDS})
    order.prepare()
    groups: list[list[Kind]] = []
    while names := order.get_ready():
        groups.append([BY_NAME[name] for name in sorted(names)])
        order.done(*names)
    return groups
