"""How much time a run has: it ends with a report before its job is killed."""

from __future__ import annotations

import time
from dataclasses import dataclass

WITHIN = 3900.0
"""Seconds of a run: ten minutes less than the job of nightly-destroy.yml has, which must also set itself up."""

REPORT = 180.0
"""Seconds that the last look and the report need."""


@dataclass(frozen=True)
class Budget:
    """A deadline that several steps share."""

    ends: float
    """Of time.monotonic()."""

    @classmethod
    def of(cls, seconds: float) -> Budget:
        """One that begins now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds, at least 0."""
        return max(0.0, self.ends - time.monotonic())

    def part(self, share: float, *, most: float = float("inf"), spare: float = 0.0) -> Budget:
        """A share of what is left.

        Args:
            share: 1.0 is all of it.
            most: seconds that it has at most.
            spare: seconds that are kept for what comes after.
        """
        return Budget.of(min(most, max(0.0, self.left - spare) * share))
