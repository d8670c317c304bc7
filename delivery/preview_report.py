"""The Markdown of a preview, for a pull request's comment and a job's summary.

What is deleted comes first, the full text is folded, and whatever is too long is left out by whole resources. Text that
is not ours stands in a fence or in a <code> of entities, where GitHub reads no Markdown, HTML, @mention or #reference.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from common.text import clean, lines, markdown
from delivery.preview_steps import ABSENT, Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import JsonValue

    from delivery.preview_steps import Absent, Change, Step

LIMIT = 65_535
"""In bytes. GitHub takes comments below 65,536 characters, of which each has at least a byte."""

FIXED = 1_000
"""More bytes than all text that is always there, in addition to the head."""

NAME_LIMIT, VALUE_LIMIT, SAID_LIMIT = 120, 200, 3_000
"""The longest name, value and message that is shown whole, in characters."""

PROPERTIES_LIMIT = 40
"""The most properties of a resource that are shown."""

COMMIT_LENGTH = 12
"""Of a commit's id, as many characters as tell it from others."""

CONTEXT = 40
"""How many equal characters are shown before two long values differ."""

ORDER = ("create", "update", "replace", "delete")


def marker(project: str, stack: str) -> str:
    """The first line of a stack's report, which GitHub does not show."""
    return f"<!-- infra-fleet:preview:{project}/{stack} -->"


def is_marker(line: str) -> bool:
    """Whether a line is the first one of some stack's report."""
    return re.fullmatch(r"<!-- infra-fleet:preview:[\w.-]+/[\w.-]+ -->", line) is not None


def render(project: str, stack: str, digest: Digest, failure: str | None = None, commit: str | None = None) -> str:
    """The report of a preview, below GitHub's limit.

    Args:
        project: the Pulumi project's name.
        stack: the stack's name.
        digest: what pulumi printed, without steps where that could not be read.
        failure: what went wrong, if something did.
        commit: what was previewed, so that a report which no later push has rewritten is not taken for today's.
    """
    head = _head(project, stack, digest, failure, commit)
    changed = digest.changed
    lost = [step for step in changed if step.destroys]
    rows, room = _fitting((_row(step) for step in lost), LIMIT - FIXED - _size(head))
    blocks, _ = _fitting((_block(step) for step in changed), room)
    parts = [head]
    if lost:
        parts += ["", "| action | resource | because of |", "|---|---|---|", *rows, *_more(len(lost) - len(rows))]
    if changed:
        parts += ["", f"<details><summary>{_changed(len(changed))}</summary>"]
        parts += [*(f"\n{block}" for block in blocks), *_more(len(changed) - len(blocks)), "", "</details>"]
    return "\n".join(parts) + "\n"


def counts(digest: Digest) -> str:
    """`1 to create, 2 to replace, 55 unchanged`."""
    found = {op: count for op, count in digest.counts.items() if count}
    unchanged = found.pop("same", 0)
    ordered = sorted(found, key=lambda op: (ORDER.index(op) if op in ORDER else len(ORDER), op))
    changes = [f"{found[op]} to {op}" for op in ordered] or ["no changes"]
    return ", ".join([*changes, *([f"{unchanged} unchanged"] if unchanged else [])])


def why(step: Step) -> str:
    """In words, what makes a resource be deleted or replaced."""
    if step.op == "delete":
        return "no longer in the program"
    return ", ".join(step.why) or "the replacement of another resource"


def _head(project: str, stack: str, digest: Digest, failure: str | None, commit: str | None) -> str:
    title = f"### Preview of {_code(f'{project}/{stack}')}" + (f" at {_code(commit[:COMMIT_LENGTH])}" if commit else "")
    head = [marker(project, stack)]
    if failure is None:
        head.append(f"{title}: {_shortened(counts(digest), SAID_LIMIT)}")
    else:
        head += [f"{title} failed", "", _fence([_shortened("\n".join(lines(failure)), SAID_LIMIT)])]
        head += ["", f"Until then: {_shortened(counts(digest), SAID_LIMIT)}"] if digest.counts else []
    for heading, said in (("Warnings", digest.said("warning")), ("Notes", digest.notes)):
        text = "\n".join(lines("\n".join(said)))
        if text:
            head += ["", f"{heading}:", "", _fence([_shortened(text, SAID_LIMIT)])]
    return "\n".join(head)


def _row(step: Step) -> str:
    reasons = ", ".join(_code(reason) for reason in step.why[:10]) or why(step)
    return f"| {step.op} | {_resource(step)} | {reasons} |"


def _block(step: Step) -> str:
    changes = list(step.changes())
    lines = [line for change in changes[:PROPERTIES_LIMIT] for line in _lines(change)]
    if changes[PROPERTIES_LIMIT:]:
        lines.append(f"  … and {len(changes) - PROPERTIES_LIMIT} more properties")
    title = f"**{step.op}** {_resource(step)}"
    return f"{title}\n\n{_fence(lines, 'diff')}" if lines else title


def _lines(change: Change) -> Iterator[str]:
    path = clean(change.path, NAME_LIMIT)
    old, new = _text(change.old), _text(change.new)
    both = change.old is not ABSENT and change.new is not ABSENT
    start = (
        next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0) if both else 0
    )
    if change.old is not ABSENT:
        yield f"- {path}: {_shortened(old, VALUE_LIMIT, start)}"
    if change.new is not ABSENT:
        forces = "  (forces the replacement)" if change.forces else ""
        yield f"+ {path}: {_shortened(new, VALUE_LIMIT, start)}{forces}"
    if change.old is ABSENT and change.new is ABSENT:
        yield f"! {path}: not among the inputs"


def _text(value: JsonValue | Absent) -> str:
    return clean(json.dumps(value, ensure_ascii=False, default=str), None)


def _shortened(text: str, limit: int, start: int = 0) -> str:
    """At most about `limit` characters, from shortly before `start`."""
    if len(text) <= limit:
        return text
    start = max(0, min(start - CONTEXT, len(text) - limit))
    end = start + limit
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _resource(step: Step) -> str:
    return f"{_code(step.type)} {_code(step.name)}"


def _changed(count: int) -> str:
    return f"{count} changed resource{'s' if count != 1 else ''}"


def _more(count: int) -> list[str]:
    return ["", f"{count} more {'resources' if count != 1 else 'resource'}: see the job's log"] if count else []


def _code(text: str) -> str:
    return markdown(text, NAME_LIMIT) or "<code></code>"


def _fence(lines: list[str], language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    text = "\n".join(lines)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _size(text: str) -> int:
    return len(text.encode())


def _fitting(pieces: Iterable[str], room: int) -> tuple[list[str], int]:
    """The first pieces that fit into `room` bytes with two line ends each, and the room that is left."""
    found: list[str] = []
    for piece in pieces:
        left = room - _size(piece) - 2
        if left < 0:
            break
        room = left
        found.append(piece)
    return found, room
