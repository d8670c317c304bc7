"""Where a command prints: what it says to stderr, what it gives to stdout, how it shows steps and waits.

Every line and cell is cleaned here. Steps and waits are a live view on a terminal, a line for each change elsewhere.
"""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import IO, TYPE_CHECKING, Any, ClassVar

import rich.console
from rich.cells import cell_len
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from common.errors import FleetError
from common.text import LINE, clean, lines, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence


class Sign(Enum):
    """What begins a line that is a verdict or a proposal: there are no others."""

    DONE = "✓"
    FAILED = "✗"
    SKIPPED = "–"  # noqa: RUF001  # a dash
    NEXT = "→"

    @classmethod
    def of(cls, good: bool) -> Sign:  # noqa: FBT001  # one question
        """The sign of what was looked at."""
        return cls.DONE if good else cls.FAILED


STYLES = {Sign.DONE: "green", Sign.FAILED: "red", Sign.SKIPPED: "dim", Sign.NEXT: "cyan"}


@dataclass(frozen=True)
class Line:
    """A line with a sign that has a colour, or with a colour of its own."""

    sign: Sign | None
    text: str
    style: str = ""
    """Of the text, as rich has styles."""
    program: ClassVar[str] = "fleet"
    """What `fleet` is typed as in this shell, in a proposal that begins with it. Set once, for the whole process."""

    def __str__(self) -> str:
        """As it is read without colours."""
        return f"{self.sign.value} {self._typed}" if self.sign else self.text

    @property
    def _typed(self) -> str:
        is_ours = self.sign is Sign.NEXT and self.text.startswith("fleet ")
        return f"{self.program}{self.text.removeprefix('fleet')}" if is_ours else self.text

    def __rich__(self) -> Text:
        """As it is shown."""
        sign = ((self.sign.value, STYLES[self.sign]), " ") if self.sign else ()
        return Text.assemble(*sign, (clean(self._typed, None), self.style))


@dataclass(frozen=True)
class Grid:
    """Rows of cells under their titles, in columns that wrap at a terminal's width. Columns without a cell go."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    optional: Sequence[str] = ()
    """The columns that are left out where not all have room, the first of them first."""

    def __rich_console__(
        self, _console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[Padding]:
        """As it is shown."""
        shown = [number for number in range(len(self.head)) if any(row[number] for row in self.rows)]
        for title in self.optional:
            if INDENT + sum(self._width(number) + GAP for number in shown) > options.max_width:
                shown = [number for number in shown if self.head[number] != title]
        yield Padding(self._table(shown), (0, 0, 0, INDENT))

    def _width(self, number: int) -> int:
        return max(cell_len(clean(cell)) for cell in (self.head[number], *(row[number] for row in self.rows)))

    def _table(self, shown: Sequence[int]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for number in shown:
            is_short = all(len(row[number]) <= SHORT and " " not in row[number] for row in self.rows)
            table.add_column(self.head[number].upper(), overflow="fold", no_wrap=is_short)
        for row in self.rows:
            table.add_row(*(Text(clean(row[number])) for number in shown))
        return table


INDENT, GAP = 2, 2
"""Columns before a grid, and between two of its columns."""
SHORT = 16
"""Characters of a word that is not broken: a cost, an age, an outcome."""
WIDE = 10_000
"""Columns where nobody looks: what reads a pipe wants a row to be a line."""


class Console(rich.console.Console):
    """Says lines of text on stderr, of which none can be a command to a terminal or to GitHub.

    A string is one line, whatever is in it. Colours come from `style`, never from the text.
    """

    is_quiet = False
    """Whether progress is left out: all but errors. Set once, for the whole process."""
    _longest: int | None = LINE
    """Characters of a line."""

    def __init__(self, *, file: IO[str] | None = None) -> None:
        """Print to a file, by default stderr."""
        super().__init__(stderr=file is None, file=file, highlight=False, soft_wrap=True, markup=False, emoji=False)
        if not self.is_terminal:
            self.width = WIDE

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; strings are cleaned."""
        if not self.is_quiet:
            self._say(*objects, **options)

    def _say(self, *objects: Any, **options: Any) -> None:
        for each in objects:
            if isinstance(each, Grid):
                self._grid(each)
            else:
                super().print(clean(each, self._longest) if isinstance(each, str) else each, **options)

    def _grid(self, grid: Grid) -> None:
        """Print a table without the blanks that fill its last column."""
        with self.capture() as captured:
            super().print(grid, soft_wrap=False)
        for line in captured.get().splitlines():
            self.file.write(f"{line.rstrip()}\n")

    def fail(self, error: object) -> None:
        """Print an error. All lines but the first are indented: what somebody else wrote cannot speak for us."""
        for number, line in enumerate(lines(str(error))):
            self._say(f"  {line}" if number else line, style="red")

    def say_at_once(self, line: str) -> None:
        """Print a line from within a signal handler, past the stream: what the signal interrupted may hold its lock."""
        os.write(self.file.fileno(), f"{clean(line, LINE)}\n".encode())


class _Results(Console):
    """Gives the result on stdout, whole and also in quiet: what reads it may be a program."""

    _longest = None

    def print(self, *objects: Any, **options: Any) -> None:
        """Print."""
        self._say(*objects, **options)


def give(*lines: object) -> None:
    """Print lines and grids of the result on stdout."""
    results = _Results(file=sys.stdout)
    for line in lines:
        results.print(line if isinstance(line, Line | Grid) else str(line))
    sys.stdout.flush()


def rendered(*lines: object) -> str:
    """Lines and grids of a result as they are printed where nobody looks, for a file."""
    file = io.StringIO()
    _Results(file=file).print(*(line if isinstance(line, Line | Grid) else str(line) for line in lines))
    return file.getvalue()


def tell(line: object, *, beside_json: bool) -> None:
    """Print a line or a grid of the result on stdout, or on stderr where the document for programs is there."""
    if beside_json:
        Console().print(line if isinstance(line, Line | Grid) else str(line))
    else:
        give(line)


def give_json(document: object) -> None:
    """Print a document on stdout."""
    sys.stdout.write(f"{to_json(document)}\n")
    sys.stdout.flush()


PAUSE = 1.0
"""Seconds between two looks at what is waited for."""


@dataclass(frozen=True)
class Look:
    """What was seen of what is waited for."""

    waiting: Sequence[str]
    """What is not there yet, a line each; empty: all is there."""
    failed: str = ""
    """Why waiting is of no use."""


@dataclass
class StepResult:
    """A step that was begun."""

    name: str
    title: str
    seconds: float = 0.0
    outcome: str = "running"
    """running, done, failed, or interrupted. A step may set its own, where what it looked for is not so."""
    said: str = ""


def of_steps(steps: Sequence[StepResult]) -> Grid:
    """What became of each step, and how long it took."""
    return Grid(("step", "outcome", "seconds"), [(step.title, step.outcome, f"{step.seconds:.1f}") for step in steps])


class Interrupted(FleetError):  # noqa: N818  # a person did it
    """Ctrl-C: a person wants it to end."""


@dataclass
class Progress:
    """Shows steps and waits, and remembers how long each took."""

    console: Console
    steps: list[StepResult] = field(default_factory=list[StepResult])
    interrupted: bool = False
    """Set by a signal: the step under way is finished, no other is begun."""

    @contextmanager
    def step(self, name: str, title: str) -> Generator[StepResult]:
        """One step: its title before, its outcome and time after."""
        if self.interrupted:
            raise Interrupted(f"stopped before {name}; what is done stays, and the same command goes on from here")
        step = StepResult(name, title)
        self.steps.append(step)
        self.console.print(f"{len(self.steps)}. {title}")
        started = time.monotonic()
        try:
            yield step
        except BaseException as error:
            step.outcome = "interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed"
            step.said = str(error)
            raise
        else:
            step.outcome = "done" if step.outcome == "running" else step.outcome
            self.say(f"{step.said or step.outcome} ({time.monotonic() - started:.1f} s)")
        finally:
            step.seconds = time.monotonic() - started

    def say(self, line: str) -> None:
        """One line under the step."""
        self.console.print(f"   {line}")

    def wait(self, what: str, deadline: float, look: Callable[[], Look], pause: float | None = None) -> None:
        """Look again and again until nothing is waited for.

        Args:
            what: what is waited for, to follow "waiting for".
            deadline: seconds from now.
            look: sees what is not there yet. Raises FleetError to end the wait.
            pause: seconds between two looks; None: PAUSE.

        Raises:
            FleetError: the deadline has passed; what was not there is named.
            Interrupted: a person wants it to end.
        """
        end = time.monotonic() + deadline
        said: tuple[str, ...] = ()
        with self._live() as show:
            while True:
                seen = look()
                if seen.failed:
                    raise FleetError(seen.failed)
                if not seen.waiting:
                    return
                if self.interrupted:
                    raise Interrupted(f"stopped while waiting for {what}; the same command goes on from here")
                if time.monotonic() > end:
                    missing = "; ".join(seen.waiting)
                    raise FleetError(f"{what} not there after {deadline:g} s: {missing}")
                lines = tuple(seen.waiting)
                show(what, lines, changed=lines != said)
                said = lines
                time.sleep(PAUSE if pause is None else pause)

    @contextmanager
    def _live(self) -> Generator[Callable[..., None]]:
        if not self.console.is_terminal:

            def plain(what: str, lines: Sequence[str], *, changed: bool) -> None:
                if changed:
                    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
                    self.say(f"waiting for {what}: {lines[0]}{more}")

            yield plain
            return
        with Live(console=self.console, transient=True, refresh_per_second=4) as live:

            def table(what: str, lines: Sequence[str], *, changed: bool) -> None:
                if changed:
                    spinner = Spinner("dots", Text(f"   waiting for {what}"))
                    live.update(
                        rich.console.Group(
                            spinner,
                            *(Text(f"      {clean(line)}", overflow="ellipsis", no_wrap=True) for line in lines[:12]),
                        )
                    )

            yield table
