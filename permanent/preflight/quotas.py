"""What a stack needs of an account's quotas at its largest, during an update of its nodes.

Sources: Service Quotas, the quotas of Amazon EC2 and Amazon VPC, by code; EC2 user guide, "Amazon EC2 instance type
quotas" (vCPUs of running instances; standard families are A, C, D, H, I, M, R, T and Z); EKS user guide, "Understand
each phase of node updates" (a group grows by up to twice its zones).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.settings import NodeGroup, Settings


@dataclass(frozen=True)
class Quota:
    """A quota of an account in a region.

    Attributes:
        service: the service code of Service Quotas.
        code: the quota's.
        name: what it counts.
    """

    service: str
    code: str
    name: str


ON_DEMAND = Quota("ec2", "L-1216C47A", "vCPUs of on-demand instances")
SPOT = Quota("ec2", "L-34B43A08", "vCPUs of spot instances")
ADDRESSES = Quota("ec2", "L-0263D0A3", "Elastic IP addresses")
VPCS = Quota("vpc", "L-F678F1CE", "VPCs")
INTERNET_GATEWAYS = Quota("vpc", "L-A4707A72", "internet gateways")
NAT_GATEWAYS = Quota("vpc", "L-FE5A380F", "NAT gateways in a zone")

REGIONAL = (ON_DEMAND, SPOT, ADDRESSES, VPCS, INTERNET_GATEWAYS)
"""All but that of NAT gateways, which is a zone's."""

STANDARD = frozenset({"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"})
"""The families that ON_DEMAND and SPOT count: others have quotas of their own."""


def is_standard(instance_type: str) -> bool:
    """Whether an instance type, such as t3.large, is of a standard family."""
    found = re.match(r"[a-z]+", instance_type)
    return bool(found and found[0] in STANDARD)


def instance_types(settings: Settings) -> tuple[str, ...]:
    """Every instance type that the stack may launch, each once."""
    of_groups = [each for group in settings.node_groups.values() for each in group.instance_types]
    jump_box = [names.JUMP_BOX_INSTANCE_TYPE] if settings.jump_box else []
    return tuple(dict.fromkeys([*of_groups, *jump_box]))


def nat_zones(settings: Settings) -> tuple[str, ...]:
    """The zones that get a NAT gateway."""
    return settings.zones[:1] if settings.nat_strategy == "single" else settings.zones


def needs(settings: Settings, vcpus: Mapping[str, int]) -> dict[Quota, int]:
    """What the stack takes of each regional quota.

    Args:
        settings: the stack's.
        vcpus: instance type → vCPUs.
    """
    found = Counter({ADDRESSES: len(nat_zones(settings)), VPCS: 1, INTERNET_GATEWAYS: 1})
    for group in settings.node_groups.values():
        found[SPOT if group.capacity_type == "SPOT" else ON_DEMAND] += _vcpus(group, len(settings.zones), vcpus)
    if settings.jump_box:
        found[ON_DEMAND] += vcpus[names.JUMP_BOX_INSTANCE_TYPE]
    return dict(found)


def _vcpus(group: NodeGroup, zones: int, vcpus: Mapping[str, int]) -> int:
    largest = max((vcpus[each] for each in group.instance_types if is_standard(each)), default=0)
    return (group.max_size + 2 * zones) * largest
