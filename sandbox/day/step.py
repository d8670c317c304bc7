"""What a day is made of: steps, what each proves and by which real part, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.day.day import Day


@dataclass(frozen=True)
class Step:
    """One step of the day."""

    name: str
    """As `--only` and `--from` take it."""
    proves: str
    """What holds once it has ended well."""
    by: str
    """The real part that shows it; a stand-in is called one."""
    work: Callable[[Day], str]
    """Do it and check it; gives what was seen. Raises FleetError: it does not hold."""
    needs: tuple[str, ...] = ()
    """The steps whose work has to stand."""
    follows: tuple[str, ...] = ()
    """The steps that have to have held before, whatever has ended since."""
    needs_cluster: bool = False
    """Whether the day without a cluster leaves it out."""
    is_night: bool = False
    """Whether it ends the stack: it runs whatever has failed, so that nothing is left."""
    gives: tuple[str, ...] = ()
    """The steps whose work it does again."""


class Outcome(Enum):
    """What became of a step."""

    HELD = "held"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Result:
    """A step that was to run."""

    step: Step
    outcome: Outcome
    seconds: float = 0.0
    seen: str = ""
    """What was seen; of one that does not hold, why."""
    fault: str = ""
    """The fault that it was given, in words."""
    log: str = ""
    """The file with all that its commands printed."""

    @property
    def document(self) -> dict[str, object]:
        """For machines."""
        return {
            "step": self.step.name,
            "outcome": self.outcome.value,
            "seconds": round(self.seconds, 1),
            "proves": self.step.proves,
            "by": self.step.by,
            "seen": self.seen,
            "fault": self.fault or None,
            "log": self.log or None,
        }
