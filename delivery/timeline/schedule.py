"""What a graph of steps takes: its longest path, pulumi's waves of a destroy, and what would shorten either.

A step is a name; what it waits for are names too; durations are seconds. All of it is pure.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Waits = dict[str, frozenset[str]]
"""Each step with those that it waits for."""
Seconds = dict[str, float]


@dataclass(frozen=True)
class Span:
    """A step, and when it was under way: seconds since the first of all began."""

    name: str
    start: float
    end: float
    note: str = ""
    """`failed` or `unfinished`; empty: it went well."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True)
class Saving:
    """What would shorten the whole: a step that took no time, or that did not wait for another."""

    seconds: float
    """How much shorter the whole would be."""
    name: str
    """The step; empty: each would be begun when it could be, not with its wave."""
    without: str = ""
    """What it would not wait for; empty: it would take no time."""


@dataclass(frozen=True)
class Wait:
    """Time for which a step of the critical path was not begun, although all that it depends on was over."""

    name: str
    seconds: float
    during: str
    """What ended last before it began; empty: nothing did meanwhile."""
    running: int
    """How many others ran meanwhile."""


def restricted(waits: Waits, names: Iterable[str]) -> Waits:
    """The graph of these steps alone, which wait for each other through the others too.

    A step that the graph has not waits for nothing.
    """
    kept = frozenset(names)
    reached: Waits = {}
    for name in TopologicalSorter(_sorted(waits)).static_order():
        needed = waits.get(name, frozenset[str]())
        reached[name] = frozenset[str]().union(*({each} if each in kept else reached[each] for each in needed))
    return {name: reached.get(name, frozenset[str]()) for name in kept}


def reversed_waits(waits: Waits) -> Waits:
    """The same steps, each waiting for those that waited for it."""
    return {name: frozenset(other for other, needed in waits.items() if name in needed) for name in waits}


def as_soon_as_possible(waits: Waits, seconds: Seconds) -> list[Span]:
    """Each step begun when all that it waits for is over, as pulumi creates with room for all at once."""
    ends: Seconds = {}
    spans: list[Span] = []
    for name in TopologicalSorter(_sorted(waits)).static_order():
        start = max((ends[each] for each in waits[name]), default=0.0)
        ends[name] = start + seconds[name]
        spans.append(Span(name, start, ends[name]))
    return spans


def in_waves(waits: Waits, seconds: Seconds) -> list[Span]:
    """Each step begun when the whole wave before it is over, as pulumi destroys.

    A wave is all that is equally far from what depends on nothing, the farthest first: one slow resource holds up all
    later waves, also what does not depend on it. Source: ScheduleDeletes in pkg/resource/deploy/step_generator.go and
    deployment_executor.go of pulumi 3.274.
    """
    needed = reversed_waits(waits)  # as they were created
    depth: dict[str, int] = {}
    for name in TopologicalSorter(_sorted(needed)).static_order():
        depth[name] = max((depth[each] + 1 for each in needed[name]), default=0)
    spans: list[Span] = []
    start = 0.0
    for level in sorted(set(depth.values()), reverse=True):
        wave = sorted(name for name in depth if depth[name] == level)
        spans += [Span(name, start, start + seconds[name]) for name in wave]
        start += max(seconds[name] for name in wave)
    return spans


def makespan(spans: Sequence[Span]) -> float:
    """Seconds from the first begin to the last end; 0 without steps."""
    return max((span.end for span in spans), default=0.0) - min((span.start for span in spans), default=0.0)


def longest_path(waits: Waits, seconds: Seconds) -> list[str]:
    """The path through the graph that takes longest, in order: no schedule is shorter than its sum."""
    return critical(as_soon_as_possible(waits, seconds), waits, waves=False)


def critical(spans: Sequence[Span], waits: Waits, *, waves: bool) -> list[str]:
    """The steps that decided when the last one ended, in order.

    Before each comes the one that ended last of those that it waits for; in waves, of all that were over by then.
    """
    by_name = {span.name: span for span in spans}
    waited = {name: by_name[name].start - _ready(by_name, waits, name) for name in by_name}
    path: list[str] = []
    candidates: Iterable[str] = by_name
    latest = float("inf")
    while True:
        over = [by_name[name] for name in candidates if name not in path and by_name[name].end <= latest]
        if not over:
            return path[::-1]
        last = max(over, key=lambda span: (span.end, -waited[span.name], span.seconds, span.name))
        path.append(last.name)
        candidates, latest = by_name if waves else waits[last.name], last.start


def _ready(spans: Mapping[str, Span], waits: Waits, name: str) -> float:
    """When all was over that a step waits for; else when the first of all began."""
    return max((spans[each].end for each in waits[name]), default=min(span.start for span in spans.values()))


def waits_of(path: Sequence[str], spans: Sequence[Span], waits: Waits, least: float = 1.0) -> list[Wait]:
    """The waits of at least so many seconds on a path, the longest first."""
    by_name = {span.name: span for span in spans}
    found: list[Wait] = []
    for name in path:
        start = by_name[name].start
        ready = _ready(by_name, waits, name)
        meanwhile = [span for span in spans if span.start < start and span.end > ready and span.name != name]
        over = [span for span in meanwhile if span.end <= start]
        if start - ready >= least:
            last = max(over, key=lambda span: (span.end, span.seconds, span.name)).name if over else ""
            found.append(Wait(name, start - ready, last, len(meanwhile)))
    return sorted(found, key=lambda wait: -wait.seconds)


def savings(waits: Waits, seconds: Seconds, *, waves: bool) -> list[Saving]:
    """What would shorten the whole by a second or more, the best first, each alone."""
    arrange = in_waves if waves else as_soon_as_possible
    spans = arrange(waits, seconds)
    whole = makespan(spans)
    path = critical(spans, waits, waves=waves)
    found = [Saving(whole - makespan(arrange(waits, {**seconds, name: 0.0})), name) for name in path]
    for first, then in itertools.product(path, path):
        if first in waits[then]:
            without = {**waits, then: waits[then] - {first}}
            found.append(Saving(whole - makespan(arrange(without, seconds)), then, first))
    if waves:
        found.append(Saving(whole - makespan(as_soon_as_possible(waits, seconds)), ""))
    return sorted((each for each in found if each.seconds >= 1), key=lambda each: (-each.seconds, each.without))


def _sorted(waits: Waits) -> dict[str, list[str]]:
    return {name: sorted(waits[name]) for name in sorted(waits)}
