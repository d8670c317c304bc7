"""Runs the check: where the credentials are of, then the account, then each stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from permanent.preflight import facts, judge
from permanent.preflight.facts import LINKED_ROLES
from permanent.preflight.verdict import Report, Unknown, Verdict, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import permanent.settings
    from common.aws import Aws
    from infra.settings import Settings

OF_THE_LAYER = (judge.ACCOUNT, judge.REGION, judge.PROVIDER)
"""The subjects without which the permanent layer cannot be applied; all others are a stack's."""


def run(
    aws: Aws,
    layer: permanent.settings.Settings,
    stacks: Mapping[str, Settings],
    today: date,
    *,
    is_layer_asked: bool = True,
) -> Report:
    """Ask and judge. Nothing is changed.

    Args:
        aws: clients of the layer's region, with the credentials to check.
        layer: the permanent layer's settings.
        stacks: stack → its settings.
        today: the day on which versions must be supported.
        is_layer_asked: whether the permanent layer must be there.
    """
    place = facts.place(aws, layer.region)
    lines = judge.of_place(place, layer, stacks)
    if isinstance(place.account, Unknown) or any(line.verdict is Verdict.BAD for line in lines):
        return Report((*lines, unknown("all else", "not asked, because of the above")))
    services = [each for each in LINKED_ROLES if each != "spot.amazonaws.com" or _has_spot(stacks)]
    found = facts.of_account(aws, layer, services, is_layer_asked=is_layer_asked)
    lines += judge.of_account(found, layer)
    for stack, settings in stacks.items():
        lines += judge.StackJudge(stack, settings, facts.of_stack(aws, settings), today).lines()
    return Report(tuple(lines))


def _has_spot(stacks: Mapping[str, Settings]) -> bool:
    return any(group.capacity_type == "SPOT" for each in stacks.values() for group in each.node_groups.values())
