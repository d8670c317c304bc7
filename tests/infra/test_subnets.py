"""Subnets are disjoint, inside the VPC, in the right zone and large enough for prefix delegation."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import subnets

ZONES = ("eu-west-2a", "eu-west-2b", "eu-west-2c")


@st.composite
def vpcs(draw: st.DrawFn) -> IPv4Network:
    prefix = draw(st.integers(subnets.LARGEST_PREFIX, subnets.SMALLEST_PREFIX))
    return IPv4Network((draw(st.integers(0, 2**prefix - 1)) << (32 - prefix), prefix))


@given(vpc=vpcs(), count=st.integers(1, subnets.MAX_ZONES))
def test_subnets_are_disjoint_and_inside(vpc: IPv4Network, count: int) -> None:
    found = [net for zone in subnets.plan(vpc, ZONES[:count]) for net in (zone.private, zone.public)]
    assert all(net.subnet_of(vpc) for net in found)
    assert not any(one.overlaps(other) for one, other in combinations(found, 2))


@given(vpc=vpcs(), count=st.integers(1, subnets.MAX_ZONES))
def test_zones_keep_their_order(vpc: IPv4Network, count: int) -> None:
    assert tuple(zone.zone for zone in subnets.plan(vpc, ZONES[:count])) == ZONES[:count]


@given(vpc=vpcs(), count=st.integers(1, subnets.MAX_ZONES - 1))
def test_a_further_zone_moves_no_subnet(vpc: IPv4Network, count: int) -> None:
    assert subnets.plan(vpc, ZONES[: count + 1])[:count] == subnets.plan(vpc, ZONES[:count])


@given(vpc=vpcs())
def test_a_private_subnet_holds_the_prefixes_of_eight_full_nodes(vpc: IPv4Network) -> None:
    for zone in subnets.plan(vpc, ZONES):
        assert zone.private.num_addresses // 16 >= 8 * 8
        assert zone.public.num_addresses >= 256


@pytest.mark.parametrize("cidr", ["10.0.0.0/15", "10.0.0.0/21"])
def test_a_vpc_of_another_size_is_refused(cidr: str) -> None:
    with pytest.raises(ValueError, match="a VPC is between /16 and /20"):
        subnets.plan(IPv4Network(cidr), ZONES)


@pytest.mark.parametrize("zones", [(), (*ZONES, "eu-west-2d")])
def test_too_few_or_too_many_zones_are_refused(zones: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="between one and 3 zones"):
        subnets.plan(IPv4Network("10.0.0.0/16"), zones)
