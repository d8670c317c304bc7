"""A night can be skipped: until a moment at most a day ahead, which a variable of the repository holds."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.errors import FleetError

VARIABLE = "KEEP_UNTIL"
LONGEST = timedelta(hours=24)


def until(hours: float, now: datetime) -> str:
    """The value that keeps a cluster for some hours.

    Raises:
        FleetError: more than a day, or no time at all.
    """
    if not timedelta() < timedelta(hours=hours) <= LONGEST:
        raise FleetError(f"--hours {hours:g}: allowed: more than 0, at most {LONGEST.total_seconds() / 3600:g}")
    return (now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def holds(value: str, now: datetime) -> tuple[bool, str]:
    """Whether the night is skipped, and what to say of it; a value that is none keeps nothing.

    Args:
        value: of the variable: a moment in ISO 8601 with its zone, or nothing.
        now: with its zone.
    """
    if not value.strip():
        return False, ""
    try:
        moment = datetime.fromisoformat(value.strip())
        ahead = moment - now
    except (ValueError, TypeError):
        return False, f"{VARIABLE} = {value!r} is no moment such as 2026-11-28T22:00:00Z: it keeps nothing"
    if ahead > LONGEST:
        return False, f"{VARIABLE} = {value!r} is more than 24 hours ahead: it keeps nothing"
    if ahead <= timedelta():
        return False, ""
    return True, f"kept until {moment:%Y-%m-%d %H:%M %Z}, by {VARIABLE}"
