"""Every kind of thing that is looked for, and the order in which they go."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from teardown.kinds import balancers, identity, logs, network, stack
from teardown.kinds.balancers import BALANCER, CLASSIC, TARGET_GROUP
from teardown.kinds.identity import POLICY, PROFILE, PROVIDER, ROLE
from teardown.kinds.network import ADDRESS, GROUP, INSTANCE, INTERFACE, TEMPLATE, VOLUME
from teardown.kinds.stack import CLUSTER, ENDPOINT, GATEWAY, NAT, NODES, SUBNET, TABLE, VPC

if TYPE_CHECKING:
    from teardown.kinds.base import Kind

KINDS: tuple[Kind, ...] = (*balancers.KINDS, *network.KINDS, *logs.KINDS, *stack.KINDS, *identity.KINDS)
"""What controllers leave, and what the stack makes."""

_LIVES_IN_VPC = (INSTANCE, INTERFACE, BALANCER, CLASSIC, NODES, CLUSTER)

AFTER: dict[Kind, tuple[Kind, ...]] = {
    TARGET_GROUP: (BALANCER,),
    INTERFACE: (INSTANCE, BALANCER, CLASSIC),
    GROUP: (INTERFACE, BALANCER, CLASSIC),
    VOLUME: (INSTANCE,),
    TEMPLATE: (INSTANCE,),
    ADDRESS: (INSTANCE, BALANCER, CLASSIC, NAT),
    CLUSTER: (NODES,),
    NAT: _LIVES_IN_VPC,
    ENDPOINT: _LIVES_IN_VPC,
    GATEWAY: (NAT, ADDRESS, *_LIVES_IN_VPC),
    SUBNET: (NAT, ENDPOINT, *_LIVES_IN_VPC),
    TABLE: (SUBNET, ENDPOINT),
    VPC: (SUBNET, TABLE, GATEWAY, ENDPOINT, GROUP, TARGET_GROUP),
    PROFILE: (INSTANCE, NODES),
    ROLE: (CLUSTER, NODES, INSTANCE, PROFILE),
    POLICY: (ROLE,),
    PROVIDER: (CLUSTER,),
}
"""The kinds that must be gone before one can go. Any other kind can go at once."""


def places() -> dict[Kind, int]:
    """Kind → its place in the order in which all of them can be removed."""
    ordered = (kind for generation in generations() for kind in generation)
    return {kind: place for place, kind in enumerate(ordered)}


def generations() -> list[list[Kind]]:
    """All kinds in groups: nothing in a group waits for another of it, each group for those before it."""
    order = TopologicalSorter({kind: AFTER.get(kind, ()) for kind in KINDS})
    order.prepare()
    groups: list[list[Kind]] = []
    while ready := order.get_ready():
        groups.append(sorted(ready, key=lambda kind: kind.name))
        order.done(*ready)
    return groups
