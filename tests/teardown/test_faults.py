"""At every call to AWS each fault: never clean when it is not, never a traceback; lifted and run again: clean."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from common.pulumi.exported_state import StackState
from sandbox.account.faults import RESET, Rule
from teardown import sweep, verify
from teardown.time_budget import Budget
from tests.sandbox.account.aws import Network
from tests.teardown.conftest import town_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from common.target import Proven
    from sandbox.account import process
    from sandbox.folder import Folder
    from tests.teardown.conftest import Town

CODES = ("AccessDenied", "Throttling", "ServiceUnavailable", RESET, "ExpiredToken")


@dataclass(frozen=True)
class Call:
    """One call of a run: the nth of its kind."""

    service: str
    operation: str
    number: int


def night(aws: Proven, town: Town) -> bool:
    """A sweep and a look; whether it claims that nothing is left."""
    outcome = sweep.sweep(aws, town.plan(aws), Budget.of(60.0), lambda _line: None, patience=0.5)
    verdict = verify.verify(aws, town.target, lambda: town.state, reads=1, pause=0.0)
    left = [each for each in verdict.left if each.id not in town.state.listed]
    return outcome.good and not left and not verdict.unknown


def calls_of(aws: Proven, town: Town, folder: Folder) -> list[Call]:
    """The calls of an undisturbed night, in their order."""
    before = len(folder.calls.read_text().splitlines())
    assert night(aws, town)
    lines = [json.loads(line) for line in folder.calls.read_text().splitlines()[before:]]
    seen: dict[tuple[str, str], int] = {}
    calls: list[Call] = []
    for line in lines:
        key = (line["service"], line["operation"])
        seen[key] = seen.get(key, 0) + 1
        calls.append(Call(*key, seen[key]))
    return calls


def struck(account: process.Account, aws: Proven, strike: Callable[..., None], points: list[tuple[Call, str]]) -> None:
    for call, code in points:
        town = town_in(account, seed=1)
        town.leave()
        strike(Rule(code, call.service, call.operation, after=call.number - 1, times=1))
        claimed = night(aws, town)
        strike()
        left = town.plan(aws).doomed
        assert not (claimed and left), (call, code, left)
        assert night(aws, town), (call, code)
        town.clients.remove_network(Network(town.place.vpc, tuple(town.place.subnets)))
    print(f"{len(points)} points")  # noqa: T201  # the test's figure


def every_point(account: process.Account, aws: Proven, folder: Folder) -> list[tuple[Call, str]]:
    town = town_in(account, seed=1)
    town.leave()
    return [(call, code) for call in calls_of(aws, town, folder) for code in CODES]


@pytest.mark.night
def test_no_fault_makes_it_clean_when_it_is_not(
    account: process.Account, account_folder: Folder, aws: Proven, strike: Callable[..., None]
) -> None:
    """A failed call, such as AccessDenied, never counts as an empty answer. A sample: one fault for each operation."""
    points = every_point(account, aws, account_folder)
    chance = random.Random(28)  # noqa: S311  # no secret, but the same again
    operations = sorted({(call.service, call.operation) for call, _ in points})
    sample = [
        chance.choice([point for point in points if (point[0].service, point[0].operation) == operation])
        for operation in operations
    ]
    struck(account, aws, strike, sample)


@pytest.mark.long
def test_no_fault_at_any_point_makes_it_clean_when_it_is_not(
    account: process.Account, account_folder: Folder, aws: Proven, strike: Callable[..., None]
) -> None:
    struck(account, aws, strike, every_point(account, aws, account_folder))


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("elasticloadbalancing", "DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancers"),
        ("ec2", "DescribeVolumes", "ec2:DescribeVolumes"),
        ("tagging", "GetResources", "tag:GetResources"),
        ("logs", "DescribeLogGroups", "logs:DescribeLogGroups"),
    ],
)
def test_a_permission_that_is_missing_is_named(
    town: Town, aws: Proven, strike: Callable[..., None], service: str, operation: str, action: str
) -> None:
    town.leave()
    strike(Rule("AccessDenied", service, operation))
    verdict = verify.verify(aws, town.target, lambda: StackState(), reads=1, pause=0.0)
    assert not verdict.clean
    assert any(f"the credentials lack {action}" in line for line in verdict.unknown)
