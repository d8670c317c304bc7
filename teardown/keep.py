"""Skip the nightly teardown until a time at most a day ahead, which a repository variable holds."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.errors import CannotRunError

VARIABLE = "KEEP_UNTIL"
LONGEST = timedelta(hours=24)
IGNORED = "ignored, the stack will be destroyed"


def until(hours: float, now: datetime) -> str:
    """The value that keeps a cluster for some hours.

    Raises:
        FleetError: more than a day, or no time at all.
    """
    if not timedelta() < timedelta(hours=hours) <= LONGEST:
        raise CannotRunError(f"--hours {hours:g}: allowed: more than 0, at most {LONGEST.total_seconds() / 3600:g}")
    return (now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def holds(value: str, now: datetime) -> tuple[bool, str]:
    """Whether the teardown is skipped, and why. An invalid value is ignored.

    Args:
        value: the variable's: a time in ISO 8601 with its zone, or empty.
        now: with its zone.
    """
    if not value.strip():
        return False, ""
    try:
        moment = datetime.fromisoformat(value.strip())
        ahead = moment - now
    except (ValueError, TypeError):
        return False, f"{VARIABLE}: {value!r} is not a UTC time such as 2026-11-28T22:00:00Z; {IGNORED}"
    if ahead > LONGEST:
        return False, f"{VARIABLE}: {value!r} is more than 24 hours ahead; {IGNORED}"
    if ahead <= timedelta():
        return False, ""
    return True, f"kept until {moment:%Y-%m-%d %H:%M %Z}, by {VARIABLE}"
