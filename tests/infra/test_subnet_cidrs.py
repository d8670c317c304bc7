"""Subnets are disjoint, inside the VPC, in the right zone and large enough for prefix delegation."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import subnet_cidrs

ZONES = tuple(f"eu-west-2{letter}" for letter in subnet_cidrs.LETTERS)

zones = st.lists(st.sampled_from(ZONES), min_size=1, unique=True)


@st.composite
def vpcs(draw: st.DrawFn) -> IPv4Network:
    prefix = draw(st.integers(subnet_cidrs.LARGEST_PREFIX, subnet_cidrs.SMALLEST_PREFIX))
    return IPv4Network((draw(st.integers(0, 2**prefix - 1)) << (32 - prefix), prefix))


@given(vpc=vpcs(), zones=zones)
def test_subnets_are_disjoint_and_inside(vpc: IPv4Network, zones: list[str]) -> None:
    found = [net for zone in subnet_cidrs.plan(vpc, zones) for net in (zone.private, zone.public)]
    assert all(net.subnet_of(vpc) for net in found)
    assert not any(one.overlaps(other) for one, other in combinations(found, 2))


@given(vpc=vpcs(), zones=zones)
def test_zones_keep_their_order(vpc: IPv4Network, zones: list[str]) -> None:
    assert [zone.zone for zone in subnet_cidrs.plan(vpc, zones)] == zones


@given(vpc=vpcs(), zones=zones, others=zones)
def test_a_zones_subnets_do_not_depend_on_the_other_zones(
    vpc: IPv4Network, zones: list[str], others: list[str]
) -> None:
    before = {zone.zone: zone for zone in subnet_cidrs.plan(vpc, zones)}
    after = {zone.zone: zone for zone in subnet_cidrs.plan(vpc, others)}
    assert all(before[zone] == after[zone] for zone in before.keys() & after.keys())


@given(vpc=vpcs())
def test_a_private_subnet_holds_the_prefixes_of_eight_full_nodes(vpc: IPv4Network) -> None:
    for zone in subnet_cidrs.plan(vpc, ZONES):
        assert zone.private.num_addresses // 16 >= 8 * 8
        assert zone.public.num_addresses >= 128


@pytest.mark.parametrize("cidr", ["10.0.0.0/15", "10.0.0.0/20"])
def test_a_vpc_of_another_size_is_refused(cidr: str) -> None:
    with pytest.raises(ValueError, match="a VPC is between /16 and /19"):
        subnet_cidrs.plan(IPv4Network(cidr), ZONES)


def test_a_zone_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        subnet_cidrs.plan(IPv4Network("10.0.0.0/16"), ["eu-west-2h"])
