"""Pieces of Markdown for GitHub, in which text that is not ours means nothing, and how many of them fit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from common.text import clean, markdown
from delivery.preview_steps import ABSENT
from delivery.report_lines import NOT_KNOWN, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydantic import JsonValue

    from delivery.preview_steps import Absent, Change

LIMIT = 65_535
"""In bytes. GitHub takes comments below 65,536 characters, of which each has at least a byte."""

FIXED = 1_500
"""More bytes than all text that is always there, in addition to the head."""

NAME_LIMIT, VALUE_LIMIT, SAID_LIMIT = 120, 200, 3_000
"""The longest name, value and message that is shown whole, in characters."""

PROPERTIES_LIMIT = 40
"""The most properties of a resource that are shown."""

COMMIT_LENGTH = 12
"""Of a commit's id, as many characters as tell it from others."""

CONTEXT = 40
"""How many equal characters are shown before two long values differ."""


def diff_lines(change: Change, *, is_unknown: bool) -> Iterator[str]:
    """A changed value for a fence of the language `diff`."""
    path = clean(change.path, NAME_LIMIT)
    old, new = _text(change.old), _text(change.new)
    both = change.old is not ABSENT and change.new is not ABSENT
    start = (
        next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0) if both else 0
    )
    told = f"  ({NOT_KNOWN})" if is_unknown else "  (forces the replacement)" if change.forces else ""
    if change.old is not ABSENT:
        yield f"- {path}: {shortened(old, VALUE_LIMIT, start)}{'' if both else told}"
    if change.new is not ABSENT:
        yield f"+ {path}: {shortened(new, VALUE_LIMIT, start)}{told}"
    if change.old is ABSENT and change.new is ABSENT:
        yield f"! {path}: not among the inputs"


def _text(value: JsonValue | Absent) -> str:
    return clean(value_of(value), None)


def shortened(text: str, limit: int, start: int = 0) -> str:
    """At most about `limit` characters, from shortly before `start`."""
    if len(text) <= limit:
        return text
    start = max(0, min(start - CONTEXT, len(text) - limit))
    end = start + limit
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def more(count: int, what: str = "resource") -> list[str]:
    """How many were left out; nothing where none was."""
    return ["", f"{count} more {what}{'s' if count != 1 else ''}: see the job's log"] if count > 0 else []


def code(text: str) -> str:
    """A name that somebody else chose."""
    return markdown(text, NAME_LIMIT) or "<code></code>"


def fence(lines: list[str], language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    text = "\n".join(lines)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def short(subject: str) -> str:
    """A commit's id as people write it; what is none, as it is."""
    return subject[:COMMIT_LENGTH] if re.fullmatch(r"[0-9a-f]{40}", subject) else subject


def size(text: str) -> int:
    """Bytes."""
    return len(text.encode())


def fitting(pieces: Iterable[str], room: int) -> tuple[list[str], int]:
    """The first pieces that fit into `room` bytes with two line ends each, and the room that is left."""
    found: list[str] = []
    for piece in pieces:
        left = room - size(piece) - 2
        if left < 0:
            break
        room = left
        found.append(piece)
    return found, room


def write(path: Path, text: str) -> None:
    """Write a report to a file, whose folder is made. Raises CannotRunError: it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise CannotRunError(f"{path} cannot be written: {error.strerror}") from None
