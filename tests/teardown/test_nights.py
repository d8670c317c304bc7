"""Which night was the last that should have destroyed a stack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from teardown import nights


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}:00+00:00")


@pytest.mark.parametrize(
    ("now", "keep_until", "due"),
    [
        ("26T05:43", "", "25T20:13"),
        ("26T20:12", "", "25T20:13"),
        ("26T20:13", "", "26T20:13"),
        ("26T05:43", "2026-11-26T08:00:00Z", "24T20:13"),  # skipped last night on purpose
        ("26T05:43", "2026-11-25T20:00:00Z", "25T20:13"),  # until before it
        ("26T05:43", "2026-11-30T08:00:00Z", "25T20:13"),  # too far ahead: ignored, as the night did
        ("26T05:43", "tomorrow", "25T20:13"),
    ],
)
def test_the_last_night_is_the_newest_one_that_was_not_skipped(now: str, keep_until: str, due: str) -> None:
    assert nights.last_due(at(now), keep_until) == at(due)


def test_the_clock_of_a_machine_may_be_of_another_zone() -> None:
    now = at("26T05:43").astimezone(timezone(timedelta(hours=-8)))
    assert nights.last_due(now) == at("25T20:13").astimezone(UTC)
