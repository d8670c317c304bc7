"""Looking costs calls by the number of kinds and of pages, not of resources."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from teardown import sweep
from teardown.time_budget import Budget
from tests.teardown.conftest import SHORT, town_in

if TYPE_CHECKING:
    from common.target import Proven
    from sandbox.account import process
    from sandbox.folder import Folder
    from tests.teardown.conftest import Town

PAGE = 20
"""The smallest page that any of the calls has: tags of classic load balancers."""


def looking(aws: Proven, town: Town, folder: Folder) -> tuple[Counter[str], int]:
    """The calls of a plan by operation, and how much it found."""
    before = len(folder.calls.read_text().splitlines())
    planned = town.plan(aws)
    assert planned.findings.unknown == ()
    found = len(planned.doomed)
    lines = [json.loads(line) for line in folder.calls.read_text().splitlines()[before:]]
    return Counter(f"{line['service']}:{line['operation']}" for line in lines), found


@pytest.mark.parametrize("applications", [42, pytest.param(417, marks=pytest.mark.long)], ids=["500", "5000"])
def test_many_leftovers_are_found_by_as_many_calls_as_few(
    account: process.Account, account_folder: Folder, aws: Proven, applications: int
) -> None:
    few, many = town_in(account), town_in(account)
    few.leave(1)
    left = many.leave(applications)
    base, _found = looking(aws, few, account_folder)
    calls, found = looking(aws, many, account_folder)
    assert found == sum(map(len, left.values()))
    grown = {operation: calls[operation] - base[operation] for operation in calls}
    print(f"{found} leftovers, {calls.total()} calls; a few: {base.total()} calls; more of {+Counter(grown)}")  # noqa: T201
    pages = applications // PAGE + 1
    assert all(more <= pages for more in grown.values()), grown
    assert {operation for operation, more in grown.items() if more} <= {
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTargetGroups",
        "tagging:GetResources",
    }
    outcome = sweep.sweep(aws, many.plan(aws), Budget.of(SHORT * 4), lambda _line: None)
    assert outcome.good, outcome.failed
