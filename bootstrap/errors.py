"""The one exception that a command turns into a line and a non-zero exit."""

from __future__ import annotations


class BootstrapError(Exception):
    """A step cannot be done. The message is one line that names what is wrong and what to do."""
