"""Which addresses go where: a pure function from the VPC's CIDR to the subnets of its zones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network

LARGEST_PREFIX, SMALLEST_PREFIX = 16, 19
"""A VPC is a /16 at most (Amazon VPC quotas); below /19 a private subnet holds fewer than eight nodes' prefixes."""

LETTERS = "abcdefg"
"""Of the zones that have a place; the eighth place holds the public subnets."""


@dataclass(frozen=True)
class ZoneSubnets:
    """The two subnets of one availability zone."""

    zone: str
    private: IPv4Network
    public: IPv4Network


def edge(vpc: IPv4Network) -> IPv4Network:
    """The last eighth of a VPC, which holds the public subnets: load balancers and NAT gateways, no node and no pod."""
    *_, last = vpc.subnets(prefixlen_diff=3)
    return last


def plan(vpc: IPv4Network, zones: Sequence[str]) -> tuple[ZoneSubnets, ...]:
    """Give each zone an eighth of the VPC for nodes and pods, and an eighth of the last eighth for what faces outside.

    A zone's subnets depend on its letter alone, so that adding, removing or reordering zones moves no other. With
    prefix delegation a node of 110 pods takes eight /28 prefixes: the smallest private subnet, a /22, has 64 of them.

    Raises:
        ValueError: the VPC's prefix or a zone's letter is out of range.
    """
    if not LARGEST_PREFIX <= vpc.prefixlen <= SMALLEST_PREFIX:
        raise ValueError(f"a VPC is between /{LARGEST_PREFIX} and /{SMALLEST_PREFIX}")
    private = list(vpc.subnets(prefixlen_diff=3))
    public = list(edge(vpc).subnets(prefixlen_diff=3))
    places = [LETTERS.index(zone[-1]) for zone in zones]
    return tuple(ZoneSubnets(zone, private[at], public[at]) for zone, at in zip(zones, places, strict=True))
