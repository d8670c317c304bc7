"""What became of a day: the table at its end, the verdict, the document for machines, and the picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rich.console
from rich.text import Text

from common.console import Grid, Line, Sign
from sandbox.day.step import Outcome
from sandbox.day.view import SIGNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.day.step import Result

COLUMNS = ("", "step", "seconds", "what it proves", "by")
PICTURE_WIDTH = 100
TITLE = "make rehearse"


@dataclass(frozen=True)
class Day:
    """All steps that were to run, in their order."""

    results: Sequence[Result]
    seconds: float
    seed: int | None = None
    left: Sequence[str] = ()
    """What still runs or stands although nothing should."""

    @property
    def is_good(self) -> bool:
        """Whether all held, and nothing is left."""
        return all(each.outcome is Outcome.HELD for each in self.results) and not self.left

    @property
    def first_failure(self) -> Result | None:
        """The first step that does not hold, if one does not."""
        wrong = (Outcome.FAILED, Outcome.STOPPED)
        return next((each for each in self.results if each.outcome in wrong), None)

    @property
    def verdict(self) -> Line:
        """The day in one line."""
        held = sum(each.outcome is Outcome.HELD for each in self.results)
        all_of = f"{held} of {len(self.results)} steps held in {_duration(self.seconds)}"
        if self.is_good:
            return Line(Sign.DONE, f"{all_of}: nothing here reached AWS")
        failed = self.first_failure
        if failed is None:
            return Line(Sign.FAILED, f"{all_of}, but this is left: {', '.join(self.left)}")
        return Line(Sign.FAILED, f"{all_of}: {failed.step.name} {failed.outcome.value}")

    @property
    def document(self) -> dict[str, object]:
        """For machines."""
        return {
            "good": self.is_good,
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
            "left": list(self.left),
            "steps": [each.document for each in self.results],
        }


def table(day: Day) -> Grid:
    """What became of each step, what that proves, and by which part."""
    return Grid(COLUMNS, [_row(each) for each in day.results])


def _row(result: Result) -> tuple[str, ...]:
    is_held, is_run = result.outcome is Outcome.HELD, result.outcome is not Outcome.NOT_RUN
    said = result.step.proves if is_held else f"{result.outcome.value}: {result.seen}"
    fault = f" (fault: {result.fault})" if result.fault else ""
    seconds = f"{result.seconds:.1f}" if is_run else ""
    return SIGNS[result.outcome].value, result.step.name, seconds, f"{said}{fault}", result.step.by


def draw(day: Day, path: Path) -> None:
    """Write the table and the verdict as SVG, as a terminal of PICTURE_WIDTH columns shows them."""
    console = rich.console.Console(
        record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text("$ make rehearse", style="bold"))
    console.print(table(day))
    console.print(day.verdict)
    path.write_text(console.export_svg(title=TITLE, unique_id="rehearsal"), encoding="utf-8")


def _duration(seconds: float) -> str:
    """`4 min 12 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
