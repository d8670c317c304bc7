"""What a command turns into a line and a non-zero exit."""

from __future__ import annotations


class TeardownError(Exception):
    """A part cannot be done. The message is one line that names what is wrong and what to do."""


class HeldError(TeardownError):
    """Something holds the stack that this run may not take; with `options` a person may, once it is sure."""

    def __init__(self, why: str, options: tuple[str, ...]) -> None:
        super().__init__(why)
        self.options = options


class UnknownError(TeardownError):
    """AWS did not say: what is there is unknown, and that is not none."""
