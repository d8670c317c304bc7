"""Which steps of the day run: those that were asked for, and what they need."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.day.step import Step


@dataclass(frozen=True)
class There:
    """What of the day is there: names of steps."""

    standing: frozenset[str] = frozenset()
    """Whose work stands; a night ends it."""
    held: frozenset[str] = frozenset()
    """That have held, whatever has ended since."""
    begun: frozenset[str] = frozenset()
    """That were begun since the last night: what they made half has to go too."""

    def begin(self, step: Step) -> There:
        """What is there once a step has begun."""
        return replace(self, begun=self.begun | {step.name, *step.gives})

    def hold(self, step: Step) -> There:
        """What is there once a step has held."""
        held = self.held | {step.name, *step.gives}
        if step.is_night:
            return There(held=held)
        return replace(self, held=held, standing=self.standing | {step.name, *step.gives})

    def lacks(self, step: Step) -> set[str]:
        """The steps that one needs and that are not there."""
        return {*(set(step.needs) - self.standing), *(set(step.follows) - self.held)}

    def allows(self, step: Step, day: Iterable[Step]) -> bool:
        """Whether a step of a day can run. A night can as soon as there is something to end."""
        if step.is_night:
            return bool(set(step.needs) & (self.standing | self.begun))
        return not self.lacks(step) & {each.name for each in day}


def choose(
    steps: Sequence[Step],
    *,
    only: Sequence[str] = (),
    start: str = "",
    has_cluster: bool = True,
    there: There = There(),
    keep: bool = False,
) -> list[Step]:
    """The steps to run, in the order of the day.

    Args:
        steps: the whole day.
        only: names of steps; empty: all.
        start: the name of the first step; empty: the first of all.
        has_cluster: False leaves out what needs Kubernetes.
        there: what a rehearsal that was kept has left.
        keep: the last night does not run, so that there is something to look at.

    Raises:
        CannotRunError: a name is of no step, or of one that needs the cluster that is left out.
    """
    known = {step.name: step for step in steps}
    for name in (*only, *([start] if start else [])):
        if name not in known:
            raise CannotRunError(_unknown(name, known))
        if known[name].needs_cluster and not has_cluster:
            raise CannotRunError(f"the step {name} needs a cluster: leave out --no-cluster")
    if only and start:
        raise CannotRunError("--only and --from exclude each other: name the steps, or where to begin")
    day = {step.name: step for step in steps if has_cluster or not step.needs_cluster}
    names = list(day)
    wanted = list(only) or names[names.index(start) if start else 0 :]
    if keep and not only and day[wanted[-1]].is_night and len(wanted) > 1:
        wanted.pop()
    chosen = set(wanted)
    while wanted:
        missing = (there.lacks(day[wanted.pop()]) & set(day)) - chosen
        chosen |= missing
        wanted += missing
    return [step for name, step in day.items() if name in chosen]


def _unknown(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {nearest[0]}?" if nearest else ":"
    return f"unknown step {name}{hint} The steps are {', '.join(known)}"
