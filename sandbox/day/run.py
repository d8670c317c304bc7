"""Runs the steps of a day one after the other; whatever happens, nothing is left unless it is to be kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from common.errors import FleetError
from sandbox.day import faults, marks
from sandbox.day.commands import Commands
from sandbox.day.day import Day
from sandbox.day.outcome import Day as Outcomes
from sandbox.day.step import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.checkout import Checkout
    from sandbox.day.faults import Fault
    from sandbox.day.home import Home, Memory
    from sandbox.day.step import Step
    from sandbox.day.view import View

PATIENCE = 30.0
"""Seconds that a command has to end after Ctrl-C where what it works on is kept."""

MAY_FAIL = (FleetError, OSError, KeyError, ValueError, BotoCoreError, ClientError)
"""What a step ends with that does not hold: the account, the cluster or git did not answer, or otherwise."""


@dataclass
class Run:
    """One rehearsal, from its first step to its end."""

    home: Home
    checkout: Checkout
    stack: str
    steps: Sequence[Step]
    memory: Memory
    view: View
    keep: bool = False
    faults: Sequence[Fault] = ()
    results: list[Result] = field(default_factory=list[Result])
    interruption: BaseException | None = None

    def run(self) -> Outcomes:
        """Run all steps; then end everything, unless it is to be kept.

        Raises:
            FleetError: what runs does not end.
            OSError: the folder cannot be written.
        """
        began = time.monotonic()
        self.home.logs.mkdir(parents=True, exist_ok=True)
        for old in self.home.logs.glob("*.log"):
            old.unlink()
        try:
            for number, step in enumerate(self.steps, 1):
                self._one(number, step)
        finally:
            if not self.keep:
                self.home.empty()
        left = [] if self.keep else [f"process {each.pid}" for each in marks.found(self.home.root)]
        return Outcomes(self.results, time.monotonic() - began, self.memory.seed, left)

    def _one(self, number: int, step: Step) -> None:
        """Run a step, or say why it cannot."""
        why = self._hindrance(step)
        if why:
            self._end(Result(step, Outcome.NOT_RUN, seen=why))
            return
        fault = next((each for each in self.faults if each.step == step.name), None)
        log = self.home.logs / f"{number:02}-{step.name}.log"
        self.memory.there = self.memory.there.begin(step)
        self._remember()
        began, since = time.monotonic(), _size(self.home.sandbox.calls)
        outcome, said = Outcome.HELD, ""
        with log.open("w", encoding="utf-8") as file:
            commands = Commands(file, self.view.show, PATIENCE if self.keep else 0.0)
            day = Day(self.home, self.checkout, self.stack, self.memory, commands, self.memory.seed)
            try:
                with (
                    self.view.running(step, fault.text if fault else ""),
                    faults.given(fault, self.home.sandbox, day.layout),
                ):
                    said = step.work(day)
            except MAY_FAIL as error:
                outcome, said = Outcome.FAILED, " ".join(str(error).split()) or type(error).__name__
            except (KeyboardInterrupt, SystemExit) as error:
                outcome, said, self.interruption = Outcome.STOPPED, "Ctrl-C, or a signal", error
            if outcome is not Outcome.HELD:
                commands.say(said)
        if outcome is Outcome.HELD:
            self.memory.there = self.memory.there.hold(step)
            self._remember()
        seconds = time.monotonic() - began
        met = "" if fault is None else fault.text
        if fault and outcome is Outcome.HELD and not faults.has_struck(fault, self.home.sandbox, since):
            met = f"{fault.text}: not met"
        self._end(Result(step, outcome, seconds, said, met, str(log)))

    def _hindrance(self, step: Step) -> str:
        """Why a step cannot run; empty: it can."""
        wrong = [each for each in self.results if each.outcome in (Outcome.FAILED, Outcome.STOPPED)]
        if self.interruption:
            return "stopped before it"
        if wrong and self.keep:
            return f"{wrong[0].step.name} {wrong[0].outcome.value}, and it is kept as it was then"
        if self.memory.there.allows(step, self.steps):
            return ""
        if step.is_night:
            return "there is nothing to end"
        lacking = sorted(self.memory.there.lacks(step) & {each.name for each in self.steps})
        return f"it needs {', '.join(lacking)}"

    def _remember(self) -> None:
        self.home.write(self.memory)

    def _end(self, result: Result) -> None:
        self.results.append(result)
        if not (self.interruption and result.outcome is Outcome.NOT_RUN):
            self.view.ended(result)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
