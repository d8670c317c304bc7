"""Every kind of thing that is looked for, and the order in which they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from teardown.kinds import balancers, logs, network, stack

if TYPE_CHECKING:
    from teardown.kinds.base import Kind

SWEPT: tuple[Kind, ...] = (*balancers.KINDS, *network.KINDS, *logs.KINDS)
"""What controllers leave."""

KINDS: tuple[Kind, ...] = (*SWEPT, *stack.KINDS)
"""The same, and what the stack makes."""

BY_NAME = {kind.name: kind for kind in KINDS}


def generations() -> list[list[Kind]]:
    """The kinds that can be deleted, in groups: nothing in a group waits for another of it."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for kind in SWEPT:
        if kind.delete:
            graph.add_node(kind.name)
            graph.add_edges_from((other, kind.name) for other in kind.after)
    return [[BY_NAME[name] for name in sorted(group)] for group in nx.topological_generations(graph)]
