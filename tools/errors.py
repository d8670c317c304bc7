"""The one exception of the tools."""

from __future__ import annotations


class ToolError(Exception):
    """A tool cannot be had: the message is one line that names the tool or its file and says what to do."""
