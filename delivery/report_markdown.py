"""The Markdown of a report, for a pull request's comment and a job's summary.

What is destroyed comes first, the full text is folded, and whatever is too long is left out by whole resources. Text
that is not ours stands in a fence or in a <code> of entities, where GitHub reads no Markdown, HTML, @mention or
#reference. A dollar sign is an entity too: between two of them GitHub reads mathematics.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from common import summary
from common.text import clean, lines, markdown
from delivery import cost
from delivery import markdown_parts as md
from delivery.report_lines import SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from delivery.plan import Resource, Shared
    from delivery.report import Money, Report

COSTS_LIMIT = 20
"""The most resources whose prices are shown."""

LABELS_LIMIT = 60
"""The most resources that a change is said to be the same on."""

ROWS_SHOWN = 8
"""How many destroyed resources are shown at once. Of more, those where nobody gets hurt are folded."""

TABLE = ("| action | resource | because of | hangs on it |", "|---|---|---|---|")

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
    meanings, said = _meanings(report), _said(report)
    changed, shared = report.plan.changed, report.plan.shared
    lost = [each for each in changed if each.destroys]
    first = lost if len(lost) <= ROWS_SHOWN else [each for each in lost if each.meaning]
    rest = [each for each in lost if each not in first]
    shown = [each for each in changed if each.changes]
    rows, room = md.fitting(
        map(_row, [*first, *rest]), md.LIMIT - md.FIXED - sum(map(md.size, (head, foot, *meanings, *said)))
    )
    groups, room = md.fitting(map(_shared, shared), room)
    blocks, _ = md.fitting(map(_block, shown), room)
    parts = [head, *meanings]
    if first:
        parts += ["", *TABLE, *rows[: len(first)], *([] if rest else md.more(len(first) - len(rows)))]
    if rest:
        parts += ["", f"<details><summary>{len(rest)} more are replaced or deleted with them</summary>", "", *TABLE]
        parts += [*rows[len(first) :], *md.more(len(lost) - len(rows)), "", "</details>"]
    parts += said
    parts += [f"\n{group}" for group in groups] + md.more(len(shared) - len(groups), "shared change")
    if shown:
        parts += ["", f"<details><summary>{_changed(len(shown))}</summary>"]
        parts += [*(f"\n{block}" for block in blocks), *md.more(len(shown) - len(blocks)), "", "</details>"]
    return "\n".join([*parts, *([foot] if foot else [])]) + "\n"


def _head(report: Report) -> str:
    subject = f" at {md.code(md.short(report.subject))}" if report.subject else ""
    title = f"### {TITLES[report.kind.value]} of {md.code(f'{report.project}/{report.stack}')}{subject}"
    head = [marker(report.kind.value, report.project, report.stack)]
    line = md.shortened(report.line, md.SAID_LIMIT).replace("$", "&#36;")
    if report.failure is None:
        head.append(f"{title}: {line}")
    else:
        head += [f"{title} failed", "", md.fence([md.shortened("\n".join(lines(report.failure)), md.SAID_LIMIT)])]
        head += ["", f"Until then: {line}"] if report.plan.changed else []
    for remark in report.remarks:
        detail = f" {markdown(remark.detail, md.SAID_LIMIT)}" if remark.detail else ""
        head += ["", f"> {clean(remark.text, md.SAID_LIMIT)}{detail}"]
    return "\n".join(head)


def _said(report: Report) -> list[str]:
    """Warnings, and what the program says to reviewers."""
    found: list[str] = []
    for heading, said in (("Warnings", report.warnings), ("Notes", report.notes)):
        text = "\n".join(lines("\n".join(said)))
        if text:
            found += ["", f"{heading}:", "", md.fence([md.shortened(text, md.SAID_LIMIT)])]
    return found


def _foot(report: Report) -> str:
    parts = ["", *_money(report.money)] if report.money else []
    parts += (
        ["", f"<sub>{'<br>'.join(clean(line, md.SAID_LIMIT) for line in report.foot)}</sub>"] if report.foot else []
    )
    return "\n".join(parts)


def _money(money: Money) -> Iterator[str]:
    yield from ("| US dollars | before | after |", "|---|---|---|")
    yield from (f"| {' | '.join(row)} |" for row in money.rows)  # our own words, and numbers
    yield ""
    changed = money.changed
    if changed:
        yield f"<details><summary>prices that change or are unknown: {len(changed)}</summary>"
        yield ""
        yield from summary.table(("resource", "before", "after", "an hour, of"), changed[:COSTS_LIMIT])
        yield from md.more(len(changed) - COSTS_LIMIT)
        yield "</details>"
        yield ""
    yield f"Not counted: {cost.NOT_COUNTED}."


def _meanings(report: Report) -> list[str]:
    found = [f"- **{noun}**: {means}" for noun, means in report.meanings]  # our own text
    return ["", *found] if found else []


def _row(each: Resource) -> str:
    reasons = ", ".join(md.code(reason) for reason in each.forced_by[:10])
    if not reasons:
        reasons = f"the replacement of {md.code(each.follows)}" if each.follows else each.because
    hanging = ", ".join(md.code(label) for label in each.hangs_on[:SHOWN])
    more = f" and {len(each.hangs_on) - SHOWN} more" if len(each.hangs_on) > SHOWN else ""
    return f"| {each.action} | {md.code(each.label)} | {reasons} | {hanging}{more} |"


def _shared(shared: Shared) -> str:
    labels = ", ".join(md.code(label) for label in shared.resources[:LABELS_LIMIT])
    more = f" and {len(shared.resources) - LABELS_LIMIT} more" if len(shared.resources) > LABELS_LIMIT else ""
    return "\n".join(
        [
            f"**The same on {len(shared.resources)} resources**",
            "",
            md.fence(list(md.diff_lines(shared.change, is_unknown=shared.is_unknown)), "diff"),
            "",
            f"<details><summary>which</summary>\n\n{labels}{more}\n\n</details>",
        ]
    )


def _block(each: Resource) -> str:
    found = each.changes[: md.PROPERTIES_LIMIT]
    shown = [line for change in found for line in md.diff_lines(change, is_unknown=change.path in each.unknown)]
    if each.changes[md.PROPERTIES_LIMIT :]:
        shown.append(f"  … and {len(each.changes) - md.PROPERTIES_LIMIT} more properties")
    title = f"**{each.action}** {_resource(each)}"
    return f"{title}\n\n{md.fence(shown, 'diff')}" if shown else title


def _resource(each: Resource) -> str:
    return f"{md.code(each.type)} {md.code(each.name)}"


def _changed(count: int) -> str:
    return f"{count} changed resource{'s' if count != 1 else ''}"
