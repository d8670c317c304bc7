"""The sandbox's exception, which a command turns into a single line and a non-zero exit, as it does the tools'."""

from __future__ import annotations


class SandboxError(Exception):
    """Something that the person at the terminal can act on: the message names it and says what to do."""
