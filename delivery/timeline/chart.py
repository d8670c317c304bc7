"""A timeline as at most 25 rows, and these as a Gantt chart in Mermaid.

Sources: Mermaid's docs on Gantt charts, and its grammar (packages/mermaid/src/diagrams/gantt/parser/gantt.jison):
a line begins with a keyword or with a task's name, which ends at a colon; `#`, `;` and `%%` begin other things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from common.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from delivery.timeline.schedule import Span
    from delivery.timeline.timeline import Timeline

ROWS = 25
STEPS_AT_MOST, CRITICAL_AT_MOST, CHAIN_AT_MOST, OTHERS_AT_MOST = 6, 9, 5, 5
"""Rows of each section; others have the room that is left."""
LEAST = 0.01
"""The part of the whole below which a row is not worth showing, outside the critical path."""
WIDTH = 80
"""Characters of a name."""

STEPS, CRITICAL, CHAIN, OTHERS = "Job steps", "Critical path", "Minimum", "Others"

MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
"""When a chart begins: Mermaid has dates, and reads and shows them in the reader's own zone."""

_MARKUP = re.compile(r"[^\w .,()/+=-]")


@dataclass(frozen=True)
class Row:
    """One bar; times are seconds since the run began."""

    section: str
    name: str
    start: float
    seconds: float
    """The bar's length; of several, from the first begin to the last end."""
    is_critical: bool = False
    summed: float | None = None
    """Of several: what they took in sum."""

    @property
    def took(self) -> int:
        """Whole seconds that it took."""
        return round(self.seconds if self.summed is None else self.summed)


def rows(timeline: Timeline) -> list[Row]:
    """What a chart shows, section by section: steps, critical path, smallest chain where it is another, the slowest."""
    spans = {span.name: span for span in timeline.spans}
    path = [spans[name] for name in timeline.critical]
    decisive = [
        *_section(STEPS, timeline.stages, STEPS_AT_MOST, is_critical=True),
        *_section(CRITICAL, path, CRITICAL_AT_MOST, is_critical=True),
        *_chain(timeline),
    ]
    room = min(OTHERS_AT_MOST, ROWS - 1 - len(decisive))
    others = [span for span in timeline.spans if span.name not in timeline.critical]
    long = [span for span in others if span.seconds >= LEAST * timeline.total]
    slow = sorted(long, key=lambda span: (-span.seconds, span.start, span.name))[:room]
    rest = [span for span in others if span not in slow]
    return [
        *decisive,
        *(_row(OTHERS, span) for span in sorted(slow, key=lambda span: span.start)),
        *_summed(OTHERS, rest, "others"),
    ]


def _section(title: str, spans: Sequence[Span], most: int, *, is_critical: bool) -> list[Row]:
    """The spans in order; of too many the shortest in one row."""
    long = spans if len(spans) <= most else sorted(spans, key=lambda span: -span.seconds)[: most - 1]
    shown = [_row(title, span, is_critical=is_critical) for span in spans if span in long]
    return [*shown, *_summed(title, [span for span in spans if span not in long], "more")]


def _row(title: str, span: Span, *, is_critical: bool = False) -> Row:
    name = f"{span.name} ({span.note})" if span.note else span.name
    return Row(title, name, span.start, span.seconds, is_critical)


def _summed(title: str, spans: Sequence[Span], what: str) -> list[Row]:
    if not spans:
        return []
    start = min(span.start for span in spans)
    end = max(span.end for span in spans)
    return [Row(title, f"{len(spans)} {what}", start, end - start, summed=sum(span.seconds for span in spans))]


def _chain(timeline: Timeline) -> list[Row]:
    """The smallest chain from the first begin on, one after the other: its longest; none where nothing was above it."""
    if timeline.total - timeline.smallest < 1:
        return []
    seconds = {span.name: span.seconds for span in timeline.spans}
    start = min((span.start for span in timeline.spans), default=0.0)
    laid: list[Row] = []
    for name in timeline.chain:
        laid.append(Row(CHAIN, name, start, seconds[name]))
        start += seconds[name]
    long = sorted(laid, key=lambda row: -row.seconds)[:CHAIN_AT_MOST]
    long = [row for row in long if row.seconds >= LEAST * timeline.total]
    return [row for row in laid if row in long]


def mermaid(timeline: Timeline) -> str:
    """The chart as Mermaid's text, without a fence."""
    lines = [
        "gantt",
        f"    title {label(title(timeline))}",
        "    dateFormat YYYY-MM-DD HH:mm:ss",
        "    axisFormat %H:%M",
        "    todayMarker off",
    ]
    section = ""
    for row in rows(timeline):
        if row.section != section:
            section = row.section
            lines.append(f"    section {section}")
        tag = "crit, " if row.is_critical else ""
        begin = MIDNIGHT + timedelta(seconds=round(row.start))
        lines.append(f"    {task(row)} :{tag}{begin:%Y-%m-%d %H:%M:%S}, {round(row.seconds)}s")
    return "\n".join(lines)


def task(row: Row) -> str:
    """A row's text in Mermaid: a number comes first, so that no name is taken for a keyword."""
    if row.summed is not None:
        return f"{row.name}, {row.took} s in sum"
    return f"{row.took} s {label(row.name)}".rstrip()


def label(text: str) -> str:
    """A text of others in which nothing is Mermaid's syntax, or Markdown's."""
    return " ".join(_MARKUP.sub("·", clean(text, WIDTH)).split())


def title(timeline: Timeline) -> str:
    """What it is of, and what it took."""
    return f"{timeline.kind} of {timeline.stack} ({minutes(timeline.total)})"


def minutes(seconds: float) -> str:
    """`18 min 14 s`."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
