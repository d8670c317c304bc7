"""The questions of `configure` that AWS can answer: the whole ARN of a role, and zones where letters are not safe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from delivery.questions import until_valid
from infra.contract import names
from infra.contract.zones import UNSAFE_LETTERS
from permanent.preflight.judge import SSO_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from delivery.account_facts import AccountFacts
    from delivery.questions import Ask, Say

SSO_PATH = "aws-reserved/sso.amazonaws.com/"
HOME = "us-east-1"
"""The region that is left out of the path (IAM Identity Center user guide, "Referencing permission sets")."""

SSO_QUESTION = "AWS region of IAM Identity Center, which is part of the role's ARN"
ZONES_QUESTION = "Availability zones, two or more with commas between"


@dataclass(frozen=True)
class Where:
    """The account and region that are configured."""

    account_id: str
    region: str


@dataclass(frozen=True)
class Zones:
    """What is known of a stack's zones before the question."""

    flag: str | None
    """Named by a flag, with commas between."""
    written: list[str]
    """Those of the stack's file, in another region those of the same letters."""
    is_chosen: bool
    """Whether they were written for this region."""


def admin(answer: str, where: Where, facts: AccountFacts, ask: Ask | None, say: Say) -> str:
    """A role's whole ARN.

    Args:
        answer: its name, with its path or not, or its ARN.
        where: the account and region.
        facts: may know the path of a role that IAM Identity Center made.
        ask: asks for what that path depends on; None: there is no terminal.
        say: told what is wrong with an answer.

    Raises:
        CannotRunError: the path is not known, and nobody can be asked.
    """
    arn = answer if answer.startswith("arn:") else names.role_arn(where.account_id, answer)
    name = arn.partition(":role/")[2]
    if not name.startswith(SSO_PREFIX):
        return arn
    found = facts.role(where.account_id, where.region, name)
    if found:
        return found
    if ask is None:
        raise CannotRunError(
            f"--cluster-admin {answer}: a role of IAM Identity Center has a path, without which EKS refuses it: "
            f"give the whole ARN, as `aws iam get-role --role-name {name} --query Role.Arn` prints it"
        )
    home = until_valid(partial(ask, SSO_QUESTION, None), _region_problem, say)
    path = SSO_PATH if home == HOME else f"{SSO_PATH}{home}/"
    return names.role_arn(where.account_id, f"{path}{name}")


def zones(known: Zones, where: Where, facts: AccountFacts, ask: Ask | None, say: Say) -> list[str]:
    """The zones to write; empty: the region's a and b will do.

    Args:
        known: what was said of them.
        where: the account and region.
        facts: may know which zones the account has.
        ask: puts the question; None: there is no terminal.
        say: told a warning, where nobody knows.

    Raises:
        CannotRunError: no zones that the account has were named.
    """
    if known.flag is not None:
        return _split(known.flag)
    if known.is_chosen or where.region not in UNSAFE_LETTERS:
        return known.written
    why, offered = UNSAFE_LETTERS[where.region], facts.zones(where.account_id, where.region)
    if offered and ask:
        say(f"{where.region}: {why}. EKS takes, in this account: {_shown(offered)}")
        first = partial(ask, ZONES_QUESTION, ",".join(list(offered)[:2]))
        return _split(until_valid(first, partial(_zones_problem, offered), say))
    remedy = (
        f"--zones sets some of {_shown(offered)}" if offered else "run `fleet account check` with credentials of it"
    )
    assumed = ", ".join(known.written) or f"{where.region}a, {where.region}b"
    say(f"warning: {where.region}: {why}. {assumed} are assumed: {remedy}")
    return known.written


def _shown(offered: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({zone_id})" for name, zone_id in offered.items())


def _split(answer: str) -> list[str]:
    return [zone.strip() for zone in answer.split(",") if zone.strip()]


def _zones_problem(offered: Mapping[str, str], said: str) -> str:
    wanted = _split(said)
    if len(set(wanted)) < 2 or not set(wanted) <= offered.keys():
        return f"{said} is not allowed: use two or more of {', '.join(offered)}"
    return ""


def _region_problem(said: str) -> str:
    return (
        "" if re.fullmatch(r"[a-z]{2}-[a-z]+-\d", said) else f"{said!r} is not allowed: use a region such as eu-west-1"
    )
