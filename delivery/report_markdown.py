"""The Markdown of a report, for a pull request's comment and a job's summary.

What is destroyed comes first, the full text is folded, and whatever is too long is left out by whole resources. Text
that is not ours stands in a fence or in a <code> of entities, where GitHub reads no Markdown, HTML, @mention or
#reference. A dollar sign is an entity too: between two of them GitHub reads mathematics.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from common import summary
from common.errors import CannotRunError
from common.text import clean, lines, markdown
from delivery import cost
from delivery.preview_steps import ABSENT, UNKNOWN_VALUE
from delivery.report_lines import LATER, NOT_KNOWN, SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydantic import JsonValue

    from delivery.plan import Resource, Shared
    from delivery.preview_steps import Absent, Change
    from delivery.report import Money, Report

LIMIT = 65_535
"""In bytes. GitHub takes comments below 65,536 characters, of which each has at least a byte."""

FIXED = 1_500
"""More bytes than all text that is always there, in addition to the head."""

NAME_LIMIT, VALUE_LIMIT, SAID_LIMIT = 120, 200, 3_000
"""The longest name, value and message that is shown whole, in characters."""

PROPERTIES_LIMIT = 40
"""The most properties of a resource that are shown."""

COSTS_LIMIT = 20
"""The most resources whose prices are shown."""

LABELS_LIMIT = 60
"""The most resources that a change is said to be the same on."""

COMMIT_LENGTH = 12
"""Of a commit's id, as many characters as tell it from others."""

CONTEXT = 40
"""How many equal characters are shown before two long values differ."""

MARKER = re.compile(r"<!-- infra-fleet:(preview|diff):[\w.-]+/[\w.-]+ -->")

TITLES = {"preview": "Preview", "diff": "Diff"}


def marker(kind: str, project: str, stack: str) -> str:
    """The first line of a stack's report, which GitHub does not show."""
    return f"<!-- infra-fleet:{kind}:{project}/{stack} -->"


def is_marker(line: str) -> bool:
    """Whether a line is the first one of some stack's report."""
    return MARKER.fullmatch(line) is not None


def render(report: Report) -> str:
    """The report, below GitHub's limit."""
    head, foot = _head(report), _foot(report)
    said = [*_meanings(report), *_said(report)]
    changed, shared = report.plan.changed, report.plan.shared
    lost = [each for each in changed if each.destroys]
    shown = [each for each in changed if each.changes]
    rows, room = _fitting(map(_row, lost), LIMIT - FIXED - sum(map(_size, (head, foot, *said))))
    groups, room = _fitting(map(_shared, shared), room)
    blocks, _ = _fitting(map(_block, shown), room)
    parts = [head]
    if lost:
        parts += ["", "| action | resource | because of | hangs on it |", "|---|---|---|---|", *rows]
        parts += _more(len(lost) - len(rows))
    parts += said
    parts += [f"\n{group}" for group in groups] + _more(len(shared) - len(groups), "shared change")
    if shown:
        parts += ["", f"<details><summary>{_changed(len(shown))}</summary>"]
        parts += [*(f"\n{block}" for block in blocks), *_more(len(shown) - len(blocks)), "", "</details>"]
    return "\n".join([*parts, *([foot] if foot else [])]) + "\n"


def write(path: Path, text: str) -> None:
    """Write a report to a file, whose folder is made. Raises CannotRunError: it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise CannotRunError(f"{path} cannot be written: {error.strerror}") from None


def _head(report: Report) -> str:
    subject = f" at {_code(_commit(report.subject))}" if report.subject else ""
    title = f"### {TITLES[report.kind.value]} of {_code(f'{report.project}/{report.stack}')}{subject}"
    head = [marker(report.kind.value, report.project, report.stack)]
    line = _shortened(report.line, SAID_LIMIT).replace("$", "&#36;")
    if report.failure is None:
        head.append(f"{title}: {line}")
    else:
        head += [f"{title} failed", "", _fence([_shortened("\n".join(lines(report.failure)), SAID_LIMIT)])]
        head += ["", f"Until then: {line}"] if report.plan.changed else []
    for remark in report.remarks:
        detail = f" {markdown(remark.detail, SAID_LIMIT)}" if remark.detail else ""
        head += ["", f"> {clean(remark.text, SAID_LIMIT)}{detail}"]
    return "\n".join(head)


def _said(report: Report) -> list[str]:
    """Warnings, and what the program says to reviewers."""
    found: list[str] = []
    for heading, said in (("Warnings", report.warnings), ("Notes", report.notes)):
        text = "\n".join(lines("\n".join(said)))
        if text:
            found += ["", f"{heading}:", "", _fence([_shortened(text, SAID_LIMIT)])]
    return found


def _foot(report: Report) -> str:
    parts = ["", *_money(report.money)] if report.money else []
    parts += ["", f"<sub>{'<br>'.join(clean(line, SAID_LIMIT) for line in report.foot)}</sub>"] if report.foot else []
    return "\n".join(parts)


def _money(money: Money) -> Iterator[str]:
    yield from ("| US dollars | before | after |", "|---|---|---|")
    yield from (f"| {' | '.join(row)} |" for row in money.rows)  # our own words, and numbers
    yield ""
    changed = money.changed
    if changed:
        yield f"<details><summary>{len(changed)} prices that change or are unknown</summary>"
        yield ""
        yield from summary.table(("resource", "before", "after", "an hour, of"), changed[:COSTS_LIMIT])
        yield from _more(len(changed) - COSTS_LIMIT)
        yield "</details>"
        yield ""
    yield f"Not counted: {cost.NOT_COUNTED}."


def _meanings(report: Report) -> list[str]:
    found = [f"- **{noun}**: {means}" for noun, means in report.meanings]  # our own text
    return ["", *found] if found else []


def _row(each: Resource) -> str:
    reasons = ", ".join(_code(reason) for reason in each.forced_by[:10])
    if not reasons:
        reasons = f"the replacement of {_code(each.follows)}" if each.follows else each.because
    hanging = ", ".join(_code(label) for label in each.hangs_on[:SHOWN])
    more = f" and {len(each.hangs_on) - SHOWN} more" if len(each.hangs_on) > SHOWN else ""
    return f"| {each.action} | {_resource(each)} | {reasons} | {hanging}{more} |"


def _shared(shared: Shared) -> str:
    labels = ", ".join(_code(label) for label in shared.resources[:LABELS_LIMIT])
    more = f" and {len(shared.resources) - LABELS_LIMIT} more" if len(shared.resources) > LABELS_LIMIT else ""
    return "\n".join(
        [
            f"**The same on {len(shared.resources)} resources**",
            "",
            _fence(list(_lines(shared.change, is_unknown=shared.is_unknown)), "diff"),
            "",
            f"<details><summary>which</summary>\n\n{labels}{more}\n\n</details>",
        ]
    )


def _block(each: Resource) -> str:
    found = each.changes[:PROPERTIES_LIMIT]
    shown = [line for change in found for line in _lines(change, is_unknown=change.path in each.unknown)]
    if each.changes[PROPERTIES_LIMIT:]:
        shown.append(f"  … and {len(each.changes) - PROPERTIES_LIMIT} more properties")
    title = f"**{each.action}** {_resource(each)}"
    return f"{title}\n\n{_fence(shown, 'diff')}" if shown else title


def _lines(change: Change, *, is_unknown: bool) -> Iterator[str]:
    path = clean(change.path, NAME_LIMIT)
    old, new = _text(change.old), _text(change.new)
    both = change.old is not ABSENT and change.new is not ABSENT
    start = (
        next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0) if both else 0
    )
    told = f"  ({NOT_KNOWN})" if is_unknown else "  (forces the replacement)" if change.forces else ""
    if change.old is not ABSENT:
        yield f"- {path}: {_shortened(old, VALUE_LIMIT, start)}{'' if both else told}"
    if change.new is not ABSENT:
        yield f"+ {path}: {_shortened(new, VALUE_LIMIT, start)}{told}"
    if change.old is ABSENT and change.new is ABSENT:
        yield f"! {path}: not among the inputs"


def _text(value: JsonValue | Absent) -> str:
    if value == UNKNOWN_VALUE:
        return LATER
    return clean(json.dumps(value, ensure_ascii=False, default=str), None)


def _shortened(text: str, limit: int, start: int = 0) -> str:
    """At most about `limit` characters, from shortly before `start`."""
    if len(text) <= limit:
        return text
    start = max(0, min(start - CONTEXT, len(text) - limit))
    end = start + limit
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _commit(subject: str) -> str:
    return subject[:COMMIT_LENGTH] if re.fullmatch(r"[0-9a-f]{40}", subject) else subject


def _resource(each: Resource) -> str:
    return f"{_code(each.type)} {_code(each.name)}"


def _changed(count: int) -> str:
    return f"{count} changed resource{'s' if count != 1 else ''}"


def _more(count: int, what: str = "resource") -> list[str]:
    return ["", f"{count} more {what}{'s' if count != 1 else ''}: see the job's log"] if count > 0 else []


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
