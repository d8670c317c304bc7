"""A rebuild or a night, laid out: its critical path, the smallest possible chain, and what would shorten it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from delivery.timeline import durations, recorder, schedule
from delivery.timeline.schedule import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from delivery.timeline.runs import Change, Kind, Run
    from delivery.timeline.schedule import Saving, Wait, Waits

PUBLISHED = "published durations"
NO_STEPS = {
    "rebuild": "not included, because no run says how long they took: the job's set-up, and the bootstrap of Flux",
    "night": "not included, because no run says how long they took: the job's set-up, drain, sweeps and verification",
}
USUAL = {"rebuild": "create", "night": "delete"}
DESTROY = "destroy"
"""The steps of the teardown in which pulumi runs: their resources are shown instead."""


@dataclass(frozen=True)
class Timeline:
    """What a rebuild or a night took; times are seconds since it began."""

    kind: Kind
    stack: str
    source: str
    """Where its durations are from."""
    spans: Sequence[Span]
    """Of the resources."""
    stages: Sequence[Span]
    """Of the steps before and after them."""
    critical: Sequence[str]
    """The resources that decided when the last one was there or gone, in order."""
    chain: Sequence[str]
    """The longest path through what depends on what: the resources cannot take less than its sum."""
    waits: Sequence[Wait]
    savings: Sequence[Saving]
    notes: Sequence[str]

    @property
    def total(self) -> float:
        """From the first begin to the last end."""
        return schedule.makespan([*self.spans, *self.stages])

    @property
    def smallest(self) -> float:
        """What it takes at least, with these durations: the chain, and the steps around it."""
        return self.chain_seconds + sum(stage.seconds for stage in self.stages)

    @property
    def chain_seconds(self) -> float:
        """What the resources take at least."""
        seconds = {span.name: span.seconds for span in self.spans}
        return sum(seconds[name] for name in self.chain)

    @property
    def between(self) -> float:
        """What is neither a resource's time nor a step's: pulumi's start, other commands of the job."""
        return self.total - schedule.makespan(self.spans) - sum(stage.seconds for stage in self.stages)


def published(kind: Kind, stack: str, created: Waits) -> Timeline:
    """A timeline without a run.

    Args:
        kind: what it is of.
        stack: the stack's name.
        created: the resources, each with those that it waits for when it is created.
    """
    table = durations.CREATE if kind == "rebuild" else durations.DELETE
    seconds = {name: durations.seconds(name, table) for name in created}
    if kind == "rebuild":
        spans = schedule.as_soon_as_possible(created, seconds)
    else:
        spans = schedule.in_waves(schedule.reversed_waits(created), seconds)
    return _timeline(kind, stack, PUBLISHED, spans, [], created, [NO_STEPS[kind]])


def of_run(kind: Kind, stack: str, run: Run, created: Waits, source: str) -> Timeline:
    """A timeline of a run, whose resources may be others than the program has by now."""
    last = max((max(change.start, change.end or 0) for change in run.changes), default=0.0)
    began = min((each.start for each in (*run.changes, *run.stages)), default=0.0)
    names: Counter[str] = Counter()
    spans: list[Span] = []
    for change in run.changes:
        name = name_of(change, kind)
        names[name] += 1
        note = "failed" if change.failed else "unfinished" if change.end is None else ""
        end = last if change.end is None else change.end
        shown = name if names[name] == 1 else f"{name} ({names[name]})"
        spans.append(Span(shown, change.start - began, end - began, note))
    around = [stage for stage in run.stages if not (spans and stage.name.startswith(DESTROY))]
    stages = [Span(each.name, each.start - began, each.start + each.seconds - began) for each in around]
    notes = [f"the last line of {log} was cut off, as by a killed run: the rest is used" for log in run.truncated]
    unknown = sorted(name for name in names if name not in created)
    if unknown:
        notes.append(f"what these depend on is unknown, the program has no such resource: {', '.join(unknown)}")
    if not stages:
        notes.append(NO_STEPS[kind])
    return _timeline(kind, stack, source, spans, stages, created, notes)


def name_of(change: Change, kind: Kind) -> str:
    """What a person calls the change: its resource, with the operation unless it is the usual one of the kind."""
    *_, types, name = change.urn.split("::", 3)
    shown = recorder.label(types.rsplit("$", 1)[-1], name)
    return shown if change.op == USUAL[kind] else f"{shown} ({change.op})"


def _timeline(
    kind: Kind, stack: str, source: str, spans: list[Span], stages: list[Span], created: Waits, notes: list[str]
) -> Timeline:
    waves = kind == "night"
    direction = schedule.reversed_waits(created) if waves else created
    waits = schedule.restricted(direction, (span.name for span in spans))
    seconds = {span.name: span.seconds for span in spans}
    critical = schedule.critical(spans, waits, waves=waves)
    return Timeline(
        kind,
        stack,
        source,
        spans=spans,
        stages=stages,
        critical=critical,
        chain=schedule.longest_path(waits, seconds),
        waits=schedule.waits_of(critical, spans, waits),
        savings=schedule.savings(waits, seconds, waves=waves),
        notes=notes,
    )
