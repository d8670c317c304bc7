"""The one exception that a command turns into a single line and a non-zero exit."""

from __future__ import annotations


class CommandError(Exception):
    """Something that the person at the terminal can act on: the message names it and says what to do."""
