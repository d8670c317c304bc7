"""What the check says: lines, each good, bad with its remedy, or unknown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from common import console
from common.console import Sign

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """What is known of one thing."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


SIGNS = {Verdict.GOOD: Sign.DONE, Verdict.BAD: Sign.FAILED, Verdict.UNKNOWN: Sign.SKIPPED}


@dataclass(frozen=True)
class Unknown:
    """No answer, and why: a missing permission, a call that failed."""

    why: str


@dataclass(frozen=True)
class Line:
    """One thing that was asked.

    Attributes:
        subject: what it is about, such as `account` or `staging: zones`.
        verdict: what is known of it.
        says: what was found.
        remedy: what to do; empty where it is good.
    """

    subject: str
    verdict: Verdict
    says: str
    remedy: str = ""

    @property
    def shown(self) -> list[console.Line]:
        """The line as a person reads it, and one for the remedy."""
        found = console.Line(SIGNS[self.verdict], f"{self.verdict}: {self.subject}: {self.says}")
        return [found, console.Line(Sign.NEXT, self.remedy)] if self.remedy else [found]


@dataclass(frozen=True)
class Report:
    """All lines, in the order in which they were asked."""

    lines: tuple[Line, ...]

    def of(self, verdict: Verdict) -> list[Line]:
        """The lines of a verdict."""
        return [line for line in self.lines if line.verdict is verdict]

    @property
    def conclusion(self) -> console.Line:
        """How many of each verdict, in one line."""
        counted = ", ".join(f"{len(self.of(verdict))} {verdict}" for verdict in Verdict)
        is_bad = bool(self.of(Verdict.BAD))
        end = "fix what is bad before you build" if is_bad else "nothing here keeps a stack from being built"
        return console.Line(Sign.of(not is_bad), f"{counted}: {end}")

    @property
    def json(self) -> dict[str, object]:
        """An object of the lines and their worst verdict."""
        worst = next((verdict for verdict in (Verdict.BAD, Verdict.UNKNOWN) if self.of(verdict)), Verdict.GOOD)
        return {"verdict": worst, "lines": [asdict(line) for line in self.lines]}


def good(subject: str, says: str) -> Line:
    """Nothing to do."""
    return Line(subject, Verdict.GOOD, says)


def bad(subject: str, says: str, remedy: str) -> Line:
    """A rebuild would fail."""
    return Line(subject, Verdict.BAD, says, remedy)


def unknown(subject: str, says: str, remedy: str = "") -> Line:
    """A rebuild may fail."""
    return Line(subject, Verdict.UNKNOWN, says, remedy)


def told(subject: str, problems: Sequence[Line], says: str) -> list[Line]:
    """The problems, or one good line."""
    return list(problems) or [good(subject, says)]
