"""What stops a command and is said in one line."""

from __future__ import annotations


class PermanentError(Exception):
    """The permanent layer cannot be applied; the message says why and what to do."""
