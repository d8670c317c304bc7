"""The one exception that a sandbox command turns into a single line and a non-zero exit."""

from __future__ import annotations


class SandboxError(Exception):
    """Something that the person at the terminal can act on: the message names it and says what to do."""
