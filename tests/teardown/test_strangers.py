"""What is another's, or a person's, survives a sweep byte for byte, whatever it is called or tagged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sandbox.account import census, strangers
from teardown import sweep
from teardown.time_budget import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.target import Proven
    from sandbox.account import process
    from sandbox.account.strangers import Ids
    from tests.teardown.conftest import Town

Deep = dict[str, dict[str, dict[str, str]]]
"""Region → kind → id → what AWS says of it."""


def told(account: process.Account) -> Deep:
    regions = (account.region, *strangers.REGIONS)
    return {region: census.take_deep(account.endpoint, region) for region in dict.fromkeys(regions)}


def of(deep: Deep, ids: Ids) -> dict[str, Mapping[str, str]]:
    """Kind and id → what each region says of it."""
    found: dict[str, Mapping[str, str]] = {}
    for kind, every in ids.items():
        for key in every:
            said = {region: kinds[kind][key] for region, kinds in deep.items() if key in kinds[kind]}
            assert said, (kind, key)
            found[f"{kind} {key}"] = said
    return found


@pytest.mark.night
@pytest.mark.parametrize("recover", [False, True], ids=["", "recovering"])
@pytest.mark.parametrize("known", [True, False], ids=["vpc-known", "vpc-unknown"])
def test_foreign_things_of_every_kind_survive_a_sweep_byte_for_byte(
    town: Town, aws: Proven, account: process.Account, *, known: bool, recover: bool
) -> None:
    made = strangers.make(town.maker, town.place)
    every = {kind: [*made.blocking.get(kind, ()), *made.harmless.get(kind, ())] for kind in made.blocking}
    every |= {kind: ids for kind, ids in made.harmless.items() if kind not in every}
    before = of(told(account), every)
    left = town.leave()
    target = town.target if known else replace(town.target, vpc_id="")

    planned = sweep.plan(aws, target, (), recover=recover)
    outcome = sweep.sweep(aws, planned, Budget.of(60.0), lambda _line: None, patience=1.0)

    assert {each.id for each in outcome.deleted} & {key for ids in left.values() for key in ids}
    assert of(told(account), every) == before
    if known:
        shown = {each.id for each in planned.findings.blocking}
        in_vpc = ("network interface", "security group", "NAT gateway", "VPC endpoint", "instance", "subnet")
        assert shown >= {key for kind in in_vpc for key in made.blocking[kind]}
