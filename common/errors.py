"""What a command turns into a line and a non-zero exit."""

from __future__ import annotations


class FleetError(Exception):
    """Something that a person can act on. The message is one line a problem: what is wrong, and what to do."""


class UnknownError(FleetError):
    """Who was asked did not say: what is there is unknown, and that is not none."""
