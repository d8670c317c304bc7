"""The table at the end of a day, its verdict, and the picture of it that the documentation shows."""

from __future__ import annotations

import html
import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from sandbox.day.outcome import Day, draw, table
from sandbox.day.step import Outcome, Result
from sandbox.day.steps import DAY
from tests.support.checkout import REPOSITORY
from tests.support.printed import printed

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = REPOSITORY / "docs" / "pictures" / "rehearsal.svg"
HELD = [Result(step, Outcome.HELD, 12.34, seen="seen", log="/a/log") for step in DAY]


def shown(day: Day, width: int) -> list[str]:
    console = Console(width=width, record=True, force_terminal=False, file=io.StringIO())
    console.print(table(day))
    return [line.rstrip() for line in console.export_text().splitlines()]


def words(path: Path) -> list[str]:
    """What a picture says, line by line."""
    text = html.unescape(path.read_text()).replace("\u00a0", " ")
    return re.findall(r"<text [^>]*>([^<]*)</text>", text)


def test_the_table_has_a_row_a_step_with_what_it_proves_and_by_what() -> None:
    lines = printed([table(Day(HELD, 200.0))])
    assert lines[0].split() == ["STEP", "SECONDS", "WHAT", "IT", "PROVES", "BY"]
    for line, step in zip(lines[1:], DAY, strict=True):
        cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
        assert cells == ["✓", step.name, "12.3", step.proves, step.by]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_cut(width: int) -> None:
    lines = shown(Day(HELD, 200.0), width)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for step in DAY:
        assert step.name in text
        assert {*step.proves.split(), *step.by.split()} <= set(text.split()), step.name


def test_the_verdict_is_good_only_if_all_held_and_nothing_is_left() -> None:
    good = Day(HELD, 252.0)
    assert good.is_good
    assert str(good.verdict) == f"✓ {len(DAY)} of {len(DAY)} steps held in 4 min 12 s: nothing here reached AWS"
    failed = replace(HELD[3], outcome=Outcome.FAILED, seen="3 checks failed")
    skipped = replace(HELD[4], outcome=Outcome.NOT_RUN, seen="it needs bootstrap")
    bad = Day([*HELD[:3], failed, skipped, *HELD[5:]], 50.0)
    assert not bad.is_good
    assert bad.first_failure == failed
    assert str(bad.verdict) == f"✗ {len(DAY) - 2} of {len(DAY)} steps held in 50 s: bootstrap failed"
    text = "\n".join(printed([table(bad)]))
    assert "✗  bootstrap" in text
    assert "failed: 3 checks failed" in text
    assert "not run: it needs bootstrap" in text
    left = Day(HELD, 50.0, left=["process 7"])
    assert not left.is_good
    assert "this is left: process 7" in str(left.verdict)


def test_a_day_with_a_step_that_did_not_run_is_not_good() -> None:
    assert not Day([replace(HELD[0], outcome=Outcome.NOT_RUN)], 1.0).is_good


def test_a_fault_stands_in_the_row_of_its_step() -> None:
    (line,) = printed([table(Day([replace(HELD[1], fault="CreateVpc gets Throttling")], 1.0))])[1:]
    assert f"{DAY[1].proves} (fault: CreateVpc gets Throttling)" in line


def test_the_document_has_what_the_table_has() -> None:
    assert Day([HELD[0]], 1.0, seed=3).document["steps"] == [
        {
            "step": "preview",
            "outcome": "held",
            "seconds": 12.3,
            "proves": DAY[0].proves,
            "by": DAY[0].by,
            "seen": "seen",
            "fault": None,
            "log": "/a/log",
        }
    ]


def test_the_picture_of_the_documentation_is_of_these_steps(tmp_path: Path) -> None:
    """Made by `make rehearse ARGS="--picture docs/pictures/rehearsal.svg"`; its seconds are of a real day."""
    again = tmp_path / "again.svg"
    draw(Day(HELD, 252.0), again)

    def without_figures(path: Path) -> list[str]:
        return [re.sub(r"\s*\d+\.\d\b|\d+ (min|s)\b", "#", line).strip() for line in words(path)]

    assert without_figures(PICTURE) == without_figures(again)
