"""What a stack costs by its file alone: those of its resources that have a price, from its settings.

A test holds them equal to what the program asks AWS for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from delivery import cost
from delivery.cost import Priced
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from pydantic import JsonValue

    from infra.settings import NodeGroup, Settings

JUMP_BOX_DISK_GIB = 8


def of(settings: Settings, today: date) -> cost.Sum:
    """What the resources of a stack cost, whether it is up or not."""
    return cost.total(resources(settings), settings.region, today)


def resources(settings: Settings) -> Iterator[Priced]:
    """The resources of a stack that have a price."""
    count = len(settings.zones) if settings.nat_strategy == "per-zone" else 1
    for zone in settings.zones[:count]:
        yield Priced("aws:ec2/eip:Eip", f"nat-{zone}", {})
        yield Priced("aws:ec2/natGateway:NatGateway", f"nat-{zone}", {})
    cluster: dict[str, JsonValue] = {
        "version": settings.kubernetes_version,
        "upgradePolicy": {"supportType": "STANDARD"},
    }
    yield Priced("aws:eks/cluster:Cluster", "cluster", cluster)
    for name, group in settings.node_groups.items():
        yield _node_group(name, group)
    if settings.jump_box:
        template = {"instanceType": names.JUMP_BOX_INSTANCE_TYPE, **_disk(JUMP_BOX_DISK_GIB)}
        yield Priced("aws:ec2/instance:Instance", "jump-box", {}, template)


def _node_group(name: str, group: NodeGroup) -> Priced:
    inputs: dict[str, JsonValue] = {
        "capacityType": group.capacity_type,
        "instanceTypes": list(group.instance_types),
        "scalingConfig": {"desiredSize": group.desired_size},
    }
    return Priced("aws:eks/nodeGroup:NodeGroup", name, inputs, _disk(group.disk_gib))


def _disk(gib: int) -> dict[str, JsonValue]:
    return {"blockDeviceMappings": [{"ebs": {"volumeSize": gib, "volumeType": "gp3"}}]}
