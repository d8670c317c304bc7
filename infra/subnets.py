"""Which addresses go where: a pure function from the VPC's CIDR to the subnets of its zones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network

LARGEST_PREFIX, SMALLEST_PREFIX = 16, 20
"""A VPC is a /16 at most (Amazon VPC quotas); below /20 a private subnet holds fewer than eight nodes' prefixes."""

MAX_ZONES = 3
"""The fourth quarter of the VPC holds the public subnets."""


@dataclass(frozen=True)
class ZoneSubnets:
    """The two subnets of one availability zone."""

    zone: str
    private: IPv4Network
    public: IPv4Network


def plan(vpc: IPv4Network, zones: Sequence[str]) -> tuple[ZoneSubnets, ...]:
    """Give each zone a quarter of the VPC for nodes and pods, and a quarter of the last quarter for what faces outside.

    A zone's subnets do not depend on the zones after it, so that adding one moves nothing. With prefix delegation a
    node of 110 pods takes eight /28 prefixes: the smallest private subnet, a /22, has 64 of them.

    Raises:
        ValueError: the VPC's prefix or the number of zones is out of range.
    """
    if not LARGEST_PREFIX <= vpc.prefixlen <= SMALLEST_PREFIX:
        raise ValueError(f"a VPC is between /{LARGEST_PREFIX} and /{SMALLEST_PREFIX}")
    if not 1 <= len(zones) <= MAX_ZONES:
        raise ValueError(f"between one and {MAX_ZONES} zones")
    *private, edge = vpc.subnets(prefixlen_diff=2)
    public = edge.subnets(prefixlen_diff=2)
    return tuple(ZoneSubnets(*subnets) for subnets in zip(zones, private, public, strict=False))
