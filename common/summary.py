"""What a step tells GitHub Actions: outputs for later steps, and its part of the job's summary. Elsewhere, nothing.

The summary is Markdown that is put together from these parts, each of which escapes what it is given.
Source: GitHub Docs, "Workflow commands for GitHub Actions", on environment files; a summary has at most 1 MiB.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from common.text import VALUE, markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""Names the file of the job's summary."""

ROWS = 100
"""The most rows of a table: the log has all of them."""


def outputs(**values: str) -> None:
    """Set outputs of the step. A value may have lines: none of them is the random delimiter."""
    for name, value in values.items():
        delimiter = f"end-{secrets.token_hex(16)}"
        _append("GITHUB_OUTPUT", f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def write(text: str) -> None:
    """Add Markdown to the job's summary."""
    _append(SUMMARY_VARIABLE, f"{text}\n")


def table(head: Sequence[str], rows: Sequence[Sequence[object]], limit: int = VALUE) -> list[str]:
    """A table's lines, an empty one after it; nothing where there are no rows. The head is ours, the cells are not."""
    if not rows:
        return []
    shown = [f"| {' | '.join(markdown(cell, limit) for cell in row)} |" for row in rows[:ROWS]]
    more = [f"… and {len(rows) - ROWS} more: see the log", ""] if len(rows) > ROWS else []
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *shown, "", *more]


def bullets(title: str, items: Iterable[object], limit: int = VALUE) -> list[str]:
    """A title of ours with a list under it; nothing where there are no items."""
    shown = [f"- {markdown(item, limit)}" for item in items]
    more = [f"- … and {len(shown) - ROWS} more: see the log"] if len(shown) > ROWS else []
    return [title, "", *shown[:ROWS], *more, ""] if shown else []


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
