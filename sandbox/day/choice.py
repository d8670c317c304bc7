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
    day: Sequence[Step],
    known: Sequence[Step],
    *,
    only: Sequence[str] = (),
    start: str = "",
    there: There = There(),
    keep: bool = False,
) -> list[Step]:
    """The steps to run, in the order of the day.

    Args:
        day: the steps with a cluster, or those without.
        known: all steps.
        only: names of steps; empty: all.
        start: the name of the first step; empty: the first of all.
        there: what a rehearsal that was kept has left.
        keep: the last night does not run, so that there is something to look at.

    Raises:
        CannotRunError: a name is of no step, or of one that needs the cluster that is left out.
    """
    names = [step.name for step in day]
    for name in (*only, *([start] if start else [])):
        if name not in {step.name for step in known}:
            raise CannotRunError(_unknown(name, [step.name for step in known]))
        if name not in names:
            raise CannotRunError(f"the step {name} needs a cluster: leave out --no-cluster")
    if only and start:
        raise CannotRunError("--only and --from exclude each other: name the steps, or where to begin")
    by_name = dict(zip(names, day, strict=True))
    wanted = list(only) or names[names.index(start) if start else 0 :]
    if keep and not only and by_name[wanted[-1]].is_night and len(wanted) > 1:
        wanted.pop()
    chosen = set(wanted)
    while wanted:
        step = by_name[wanted.pop()]
        given = {each for name in chosen if names.index(name) < names.index(step.name) for each in by_name[name].gives}
        missing = (there.lacks(step) & set(names)) - chosen - given
        chosen |= missing
        wanted += missing
    return [step for step in day if step.name in chosen]


def _unknown(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {nearest[0]}?" if nearest else ":"
    return f"unknown step {name}{hint} The steps are {', '.join(known)}"
