"""The report of what Flux will do: for a terminal, and in Markdown as a comment of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.console import Grid
from common.text import lines
from delivery import markdown_parts as md
from delivery import report_lines
from delivery.report_markdown import marker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.diff.manifests import Manifests, ObjectChange

FOOT = "What Flux would build of both commits, with the samples of checks.yaml for variables; not what is on a cluster."


def text(found: Manifests) -> Iterator[str | Grid]:
    """Every object that changes; the sum of it last."""
    if found.changes:
        rows = [(each.action, each.kind, each.name, each.owner, each.why) for each in found.changes]
        yield Grid(("action", "kind", "name", "applied by", "because of"), rows)
    for each in found.changes:
        if each.changes:
            yield f"{each.label}:"
            yield from (f"  {report_lines.text_of(change, is_unknown=False)}" for change in each.changes)
    yield from found.meanings
    yield from (f"not known: {problem}" for problem in found.problems)
    yield FOOT
    yield f"k8s: {found.line}"


def markdown(found: Manifests, subject: str) -> str:
    """The same below GitHub's limit: what is pruned first, cut on whole objects."""
    head = "\n".join(
        [
            marker("diff", "k8s", "manifests"),
            f"### What Flux will do at {md.code(md.short(subject))}: {found.line}",
            *(["", *(f"- {meaning}" for meaning in found.meanings)] if found.meanings else []),
            *(["", "Not known:", "", md.fence(lines("\n".join(found.problems)))] if found.problems else []),
        ]
    )
    rows, room = md.fitting(map(_row, found.changes), md.LIMIT - md.FIXED - md.size(head))
    shown = [each for each in found.changes if each.changes]
    blocks, _ = md.fitting(map(_block, shown), room)
    parts = [head]
    if found.changes:
        parts += ["", "| action | object | applied by | because of |", "|---|---|---|---|", *rows]
        parts += md.more(len(found.changes) - len(rows), "object")
    if shown:
        parts += ["", f"<details><summary>{len(shown)} changed</summary>", *(f"\n{block}" for block in blocks)]
        parts += [*md.more(len(shown) - len(blocks), "object"), "", "</details>"]
    return "\n".join([*parts, "", f"<sub>{FOOT}</sub>"]) + "\n"


def _row(each: ObjectChange) -> str:
    why = md.code(each.why) if each.why else ""
    return f"| {each.action} | {md.code(each.label)} | {md.code(each.owner)} | {why} |"


def _block(each: ObjectChange) -> str:
    found = each.changes[: md.PROPERTIES_LIMIT]
    shown = [line for change in found for line in md.diff_lines(change, is_unknown=False)]
    if each.changes[md.PROPERTIES_LIMIT :]:
        shown.append(f"  … and {len(each.changes) - md.PROPERTIES_LIMIT} more")
    return f"**{each.action}** {md.code(each.label)}\n\n{md.fence(shown, 'diff')}"
