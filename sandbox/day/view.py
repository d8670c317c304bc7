"""What a person sees while the day runs: the step, its seconds and its last line; plain lines where nobody looks."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rich.console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from common.console import Line, Sign
from common.text import clean
from sandbox.day.step import Outcome

if TYPE_CHECKING:
    from collections.abc import Generator

    from common.console import Console
    from sandbox.day.step import Result, Step

SIGNS = {
    Outcome.HELD: Sign.DONE,
    Outcome.FAILED: Sign.FAILED,
    Outcome.STOPPED: Sign.FAILED,
    Outcome.NOT_RUN: Sign.SKIPPED,
}


@dataclass
class View:
    """Shows one step at a time, and a line for each that has ended."""

    console: Console
    total: int
    """Steps to run."""
    number: int = 0
    last: str = ""
    """The last line of the step that runs."""

    def show(self, line: str) -> None:
        """Take the last line of the step that runs."""
        self.last = line

    @contextmanager
    def running(self, step: Step, fault: str) -> Generator[None]:
        """Show a step for as long as the block runs."""
        self.number += 1
        self.last = ""
        head, proves = f"{self.number}/{self.total} {step.name}", f": {step.proves}"
        began = time.monotonic()
        if not self.console.is_terminal or self.console.is_dumb_terminal or self.console.is_quiet:
            self.console.print(f"{head}{proves}")
            if fault:
                self.console.print(f"   fault: {fault}")
            yield
            return
        spinner = Spinner("dots")

        def look() -> rich.console.RenderableType:
            line = f"{head} {time.monotonic() - began:.0f} s{proves}"
            spinner.update(text=Text(line, overflow="ellipsis", no_wrap=True))
            below = [f"  fault: {fault}"] if fault else []
            lines = [*below, f"  {clean(self.last)}"]
            return rich.console.Group(
                spinner, *(Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in lines)
            )

        with Live(console=self.console, get_renderable=look, transient=True, refresh_per_second=4):
            yield

    def ended(self, result: Result) -> None:
        """Say what became of a step."""
        sign, name = SIGNS[result.outcome], result.step.name
        if result.outcome is Outcome.NOT_RUN:
            self.number += 1
            self.console.print(Line(sign, f"{name}: not run, {result.seen}"))
            return
        self.console.print(Line(sign, f"{name} ({result.seconds:.1f} s): {result.seen}"))
        if result.outcome is not Outcome.HELD:
            self.console.print(f"  all that it printed: {result.log}")
