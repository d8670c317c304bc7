"""What keeps a direct push of flux from a branch, as GitHub's documents have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bootstrap.branch_rules import NO_DIRECT_PUSH, Guard, judge
from bootstrap.flux_cli import REFUSED
from bootstrap.preflight import refuse_push
from common.errors import FleetError
from permanent import github_setup

if TYPE_CHECKING:
    from collections.abc import Mapping

OPEN = {"name": "main", "protected": True, "protection": {"enabled": False}}
CLASSIC = {**OPEN, "protection": {"enabled": True}}
REVIEWS: dict[str, Any] = {"required_pull_request_reviews": {"required_approving_review_count": 1}}
ON, OFF = {"enabled": True}, {"enabled": False}
NAME = "the classic branch protection"


def ruled(kind: str, bypass: str | None) -> Guard:
    ruleset = {"name": "main", **({"current_user_can_bypass": bypass} if bypass else {})}
    return judge([{"type": kind, "ruleset_id": 7}], {7: ruleset}, OPEN, None, is_admin=True)


@pytest.mark.parametrize("kind", NO_DIRECT_PUSH)
def test_each_kind_of_rule_blocks_whom_its_ruleset_does_not_let_pass(kind: str) -> None:
    said = (f"ruleset main {NO_DIRECT_PUSH[kind]}",)
    assert ruled(kind, "never") == ruled(kind, "pull_requests_only") == Guard(blocks=said)
    assert ruled(kind, "always") == ruled(kind, "exempt") == Guard(passes=said)
    assert ruled(kind, None) == Guard(unknown=said)


def test_a_ruleset_that_github_does_not_give_is_unknown_and_no_refusal() -> None:
    guard = judge([{"type": "update", "ruleset_id": 7}], {7: {}}, OPEN, None, is_admin=True)
    assert guard == Guard(unknown=("ruleset 7 restricts updates",))


def test_rules_that_a_fast_forward_meets_keep_nobody() -> None:
    for kind in ("deletion", "non_fast_forward", "creation", "required_linear_history"):
        assert ruled(kind, "never") == Guard()


def test_day_zeros_own_ruleset_refuses_no_administrator() -> None:
    """As the hand-over makes it: its bypass actor is the role of administrators."""
    rules: Any = github_setup.ruleset()["rules"]
    ours = [{**rule, "ruleset_id": 7} for rule in rules]
    guard = judge(ours, {7: {"name": "main", "current_user_can_bypass": "always"}}, OPEN, None, is_admin=True)
    assert guard.blocks == guard.unknown == ()
    refuse_push(guard, "main", ["gotk-components.yaml"])


@pytest.mark.parametrize(
    ("classic", "is_admin", "guard"),
    [
        (REVIEWS, True, Guard(passes=(NAME,))),
        (REVIEWS, False, Guard(blocks=(NAME,))),
        ({**REVIEWS, "enforce_admins": ON}, True, Guard(blocks=(NAME,))),
        ({"required_signatures": ON, "enforce_admins": ON}, True, Guard(blocks=(NAME,))),
        ({"required_signatures": OFF, "enforce_admins": ON}, True, Guard(passes=(NAME,))),
        (None, True, Guard(unknown=(NAME,))),
    ],
)
def test_classic_protection_is_for_administrators_too_if_it_says_so(
    classic: Mapping[str, Any] | None, is_admin: bool, guard: Guard
) -> None:
    assert judge([], {}, CLASSIC, classic, is_admin=is_admin) == guard


def test_checks_for_everyone_are_in_the_branch_itself() -> None:
    branch = {**OPEN, "protection": {"enabled": True, "required_status_checks": {"enforcement_level": "everyone"}}}
    assert judge([], {}, branch, None, is_admin=True) == Guard(blocks=(NAME,))


def test_a_push_is_refused_if_one_is_needed() -> None:
    guard = Guard(blocks=("ruleset main requires a pull request",))
    refuse_push(guard, "main", [])
    with pytest.raises(FleetError) as caught:
        refuse_push(guard, "main", ["gotk-sync.yaml"])
    assert str(caught.value).startswith(
        "main takes no push of this token (ruleset main requires a pull request), and gotk-sync.yaml would change: "
        "`fleet bootstrap render`"
    )
    refuse_push(Guard(unknown=("ruleset 7 restricts updates",)), "main", ["gotk-sync.yaml"])


@pytest.mark.parametrize(
    "said",
    [
        "command error on refs/heads/main: push declined due to repository rule violations",
        "command error on refs/heads/main: protected branch hook declined",
        "remote: error: GH006: Protected branch update failed for refs/heads/main.",
        "command error on refs/heads/main: pre-receive hook declined",
    ],
)
def test_what_github_answers_to_a_refused_push_is_known(said: str) -> None:
    assert REFUSED.search(said)
