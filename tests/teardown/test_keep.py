"""A night is skipped until a moment at most a day ahead, and by nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from common.errors import FleetError
from teardown import keep

NOW = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)


def test_what_keep_gives_holds_for_as_long_as_it_says() -> None:
    value = keep.until(12, NOW)
    assert keep.holds(value, NOW) == (True, "kept until 2026-11-29 08:00 UTC, by KEEP_UNTIL")
    assert keep.holds(value, NOW + timedelta(hours=12)) == (False, "")


@pytest.mark.parametrize("hours", [0, -1, 24.5, 1000])
def test_more_than_a_day_cannot_be_asked_for(hours: float) -> None:
    with pytest.raises(FleetError, match="at most 24"):
        keep.until(hours, NOW)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", ""),
        ("  ", ""),
        ("2026-11-27T20:00:00Z", ""),
        ("tomorrow", "is not a UTC time"),
        ("2026-11-29T08:00:00", "is not a UTC time"),
        ("2026-12-28T20:00:00Z", "more than 24 hours ahead"),
    ],
)
def test_what_is_no_moment_within_a_day_keeps_nothing(value: str, said: str) -> None:
    """An invalid value is ignored, and the message says so."""
    held, why = keep.holds(value, NOW)
    assert not held
    assert said in why
