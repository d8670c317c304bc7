"""A timeline for a terminal, for Markdown and for programs; compared with an earlier one where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from common.console import Grid, Line, Sign
from common.text import LINE, markdown
from delivery.timeline import chart
from delivery.timeline.chart import minutes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from delivery.timeline.timeline import Timeline

Show = Callable[[str], str]
"""Shows a name that others chose: as it is where the console cleans it, escaped in Markdown."""

BAR = 20
"""Columns of the longest bar."""
SAVINGS, WAITS, CHANGES = 5, 3, 6
"""How many of each are shown; `--json` has all."""
LEAST_CHANGE = 2.0
"""Seconds: pulumi's own times are whole seconds."""


@dataclass(frozen=True)
class Change:
    """How a resource or a step differs from the earlier run; seconds."""

    name: str
    before: float | None
    now: float | None

    @property
    def longer(self) -> float:
        """How much longer it takes now; what is new or gone took no time."""
        return (self.now or 0) - (self.before or 0)

    def line(self, show: Show) -> str:
        """`Cluster cluster: 700 s → 765 s (+65 s)`."""
        if self.before is None:
            return f"{show(self.name)}: new, {self.now:.0f} s"
        if self.now is None:
            return f"{show(self.name)}: gone, was {self.before:.0f} s"
        return f"{show(self.name)}: {self.before:.0f} s → {self.now:.0f} s ({self.longer:+.0f} s)"


@dataclass(frozen=True)
class Report:
    """What a command has to say."""

    timeline: Timeline
    earlier: Timeline | None = None

    @property
    def verdict(self) -> str:
        """The whole and the least, in a line."""
        timeline = self.timeline
        whole, least = minutes(timeline.total), minutes(timeline.smallest)
        above = timeline.total - timeline.smallest
        if above < 1:
            return f"{whole}, the smallest possible with these durations: no waits"
        return f"{whole}, of which the smallest possible chain is {least}; {minutes(above)} are waits"

    def waits(self, show: Show = str) -> list[str]:
        """What the time above the smallest chain went to, a line each, the longest first."""
        why = "pulumi destroys in waves" if self.timeline.kind == "night" else "pulumi runs a limited number at once"
        found: list[str] = []
        for wait in self.timeline.waits[:WAITS]:
            during = f" while {show(wait.during)} ran, on which it does not depend ({why})" if wait.during else ""
            others = f"; {wait.running} ran meanwhile" if wait.running > 1 else ""
            found.append(f"{show(wait.name)} waited {minutes(wait.seconds)}{during}{others}")
        if self.timeline.between >= 1:
            found.append(f"{minutes(self.timeline.between)} between the resources and the steps of the job")
        return found

    def savings(self, show: Show = str) -> list[str]:
        """What would shorten the resources' part noticeably, a line each, the best first."""
        large = [each for each in self.timeline.savings if each.seconds >= chart.LEAST * self.timeline.total]
        found: list[str] = []
        for each in large[:SAVINGS]:
            if each.without:
                what = f"if {show(each.name)} did not wait for {show(each.without)}"
            else:
                what = f"if {show(each.name)} took no time" if each.name else "if pulumi did not destroy in waves"
            found.append(f"{minutes(each.seconds)} less {what}")
        return found

    @property
    def changes(self) -> list[Change]:
        """What takes longer or shorter than in the earlier run, the largest difference first."""
        if self.earlier is None:
            return []
        then, now = _seconds(self.earlier), _seconds(self.timeline)
        names = sorted({*then, *now})
        found = [Change(name, then.get(name), now.get(name)) for name in names]
        large = [each for each in found if abs(each.longer) >= LEAST_CHANGE]
        return sorted(large, key=lambda each: -abs(each.longer))

    @property
    def compared(self) -> str:
        """How the whole compares; empty without an earlier run."""
        if self.earlier is None:
            return ""
        longer = self.timeline.total - self.earlier.total
        how = (
            f"{minutes(abs(longer))} {'longer' if longer > 0 else 'shorter'} than" if abs(longer) >= 1 else "as long as"
        )
        return f"It took {how} {self.earlier.source}, which took {minutes(self.earlier.total)}"

    @property
    def document(self) -> dict[str, Any]:
        """For machines."""
        timeline = self.timeline
        earlier = self.earlier and {"source": self.earlier.source, "seconds": self.earlier.total}
        return {
            "kind": timeline.kind,
            "stack": timeline.stack,
            "source": timeline.source,
            "seconds": timeline.total,
            "smallest": timeline.smallest,
            "critical": list(timeline.critical),
            "chain": list(timeline.chain),
            "resources": [asdict(span) for span in timeline.spans],
            "steps": [asdict(span) for span in timeline.stages],
            "waits": [asdict(wait) for wait in timeline.waits],
            "between": timeline.between,
            "savings": [asdict(saving) for saving in timeline.savings],
            "notes": list(timeline.notes),
            "earlier": earlier or None,
            "changes": [asdict(each) for each in self.changes],
        }

    def lines(self) -> list[str | Line | Grid]:
        """For a terminal."""
        timeline = self.timeline
        lines: list[str | Line | Grid] = [f"{chart.title(timeline)}, by {timeline.source}", _bars(timeline)]
        lines.append(Line(None, self.verdict, "bold"))
        lines += [f"  {line}" for line in self.waits()]
        savings = self.savings()
        if savings:
            lines += ["what would shorten it, each alone:", *(f"  {line}" for line in savings)]
        if self.compared:
            lines += [self.compared, *(f"  {change.line(str)}" for change in self.changes[:CHANGES])]
        return [*lines, *(Line(Sign.SKIPPED, note) for note in timeline.notes)]

    def to_markdown(self) -> str:
        """For a job's summary and a page: the chart, then what it says."""
        timeline = self.timeline
        parts = ["```mermaid", chart.mermaid(timeline), "```", "", f"By {timeline.source}: {self.verdict}.", ""]
        parts += _bullets("", self.waits(markdown))
        parts += _bullets("What would shorten it, each alone:", self.savings(markdown))
        if self.compared:
            parts += _bullets(f"{self.compared}.", [change.line(markdown) for change in self.changes[:CHANGES]])
        parts += _bullets("", [markdown(note, LINE) for note in timeline.notes])
        return "\n".join(parts).rstrip() + "\n"


def _bullets(title: str, lines: Sequence[str]) -> list[str]:
    """A list under its title. What is foreign in a line has been escaped."""
    return [*([title, ""] if title else []), *(f"- {line}" for line in lines), *([""] if lines else [])]


def _seconds(timeline: Timeline) -> dict[str, float]:
    return {span.name: span.seconds for span in (*timeline.spans, *timeline.stages)}


def _bars(timeline: Timeline) -> Grid:
    rows = chart.rows(timeline)
    whole = max(timeline.total, 1.0)
    cells: list[Sequence[str]] = []
    section = ""
    for row in rows:
        begin = round(BAR * row.start / whole)
        length = max(1, round(BAR * row.seconds / whole))
        bar = "·" * min(begin, BAR - 1) + ("█" if row.is_critical else "▒") * min(length, BAR - min(begin, BAR - 1))
        cells.append((row.section if row.section != section else "", row.name, str(row.took), bar))
        section = row.section
    return Grid(("part", "name", "seconds", "when"), cells, optional=("when", "part"))
