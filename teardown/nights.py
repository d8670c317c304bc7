"""When the nightly teardown is due, and which night was the last one that should have destroyed a stack."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from teardown import keep

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = time(20, 13, tzinfo=UTC)
"""As the first schedule of nightly-destroy.yml."""


def last_due(now: datetime, keep_until: str = "") -> datetime:
    """The last time at which the teardown was due: before now, and not skipped on purpose.

    Args:
        now: with its zone.
        keep_until: the variable KEEP_UNTIL; an invalid value is ignored.
    """
    return next(night for night in _nights_before(now) if not keep.holds(keep_until, night)[0])


def _nights_before(now: datetime) -> Iterator[datetime]:
    night = datetime.combine(now.astimezone(UTC), AT)
    while True:
        if night <= now:
            yield night
        night -= timedelta(days=1)
