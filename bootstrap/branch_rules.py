"""Whether a branch takes a direct push of a token: its rulesets, and its classic protection. Pure.

Source: GitHub REST reference, repository rules (rules for a branch; a ruleset's `current_user_can_bypass`), branches
(`protection`), branch protection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.kubernetes.objects import at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_DIRECT_PUSH: Mapping[str, str] = {
    "pull_request": "requires a pull request",
    "required_status_checks": "requires status checks",
    "required_signatures": "requires signed commits",
    "required_deployments": "requires deployments",
    "update": "restricts updates",
    "merge_queue": "requires a merge queue",
    "workflows": "requires workflows",
    "code_scanning": "requires code scanning",
    "code_quality": "requires code quality",
}
"""Rule type → what it does that an unsigned commit pushed by flux cannot meet. Other types do not concern it, or depend
on a commit's content: GitHub says so at the push."""

PASSES = frozenset({"always", "exempt"})
"""Values of `current_user_can_bypass` that let a push pass; `pull_requests_only` and `never` do not."""


ASKED = ("required_pull_request_reviews", "required_status_checks", "restrictions")
SWITCHES = ("required_signatures", "lock_branch")
"""What of a classic protection refuses a direct push where it is set, or on."""


@dataclass(frozen=True)
class Guard:
    """What stands between a token and a branch."""

    blocks: Sequence[str] = ()
    """What refuses its push, such as `ruleset main requires a pull request`."""
    passes: Sequence[str] = ()
    """What would refuse it, and lets the token's owner bypass."""
    unknown: Sequence[str] = ()
    """What may refuse it: GitHub does not tell this token."""


def judge(
    rules: Sequence[Mapping[str, Any]],
    rulesets: Mapping[int, Mapping[str, Any]],
    branch: Mapping[str, Any],
    classic: Mapping[str, Any] | None,
    *,
    is_admin: bool,
) -> Guard:
    """Judge what GitHub says.

    Args:
        rules: the active rules of the branch.
        rulesets: number → ruleset, empty where GitHub does not give it.
        branch: the branch.
        classic: its classic protection; None if it has none, or the token may not read it.
        is_admin: whether the token's owner administers the repository.
    """
    blocks: list[str] = []
    passes: list[str] = []
    unknown: list[str] = []
    for rule in rules:
        does = NO_DIRECT_PUSH.get(str(rule.get("type")))
        if does is None:
            continue
        ruleset = rulesets.get(int(rule.get("ruleset_id", 0)), {})
        bypass = ruleset.get("current_user_can_bypass")
        name = ruleset.get("name") or rule.get("ruleset_id") or "without a number"
        where = unknown if bypass is None else passes if bypass in PASSES else blocks
        where.append(f"ruleset {name} {does}")
    if at(branch, "protection", "enabled"):
        where = _of_classic(branch, classic, (blocks, passes, unknown), is_admin=is_admin)
        where.append("the classic branch protection")
    return Guard(tuple(blocks), tuple(passes), tuple(unknown))


def _of_classic(
    branch: Mapping[str, Any],
    classic: Mapping[str, Any] | None,
    lists: tuple[list[str], list[str], list[str]],
    *,
    is_admin: bool,
) -> list[str]:
    """Where the classic protection belongs: administrators pass it unless it includes them."""
    blocks, passes, unknown = lists
    if classic is None:
        level = at(branch, "protection", "required_status_checks", "enforcement_level")
        return blocks if level == "everyone" else unknown
    guards = any(classic.get(key) for key in ASKED) or any(at(classic, key, "enabled") for key in SWITCHES)
    return blocks if guards and (at(classic, "enforce_admins", "enabled") or not is_admin) else passes
