"""docs/acceptance.md shows what the command says before it asks, and the file that it writes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from common.console import rendered
from sandbox.acceptance import report
from tests.sandbox.acceptance import days
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (REPOSITORY / "docs" / "acceptance.md").read_text()
TODAY = date(2026, 12, 1)


def test_the_page_shows_what_is_said_before_anybody_is_asked(tmp_path: Path) -> None:
    said = "\n".join(f"acceptance: {line}" for line in days.planned(tmp_path).lines(TODAY))
    assert f"```\n{said}\n```\n" in PAGE


def test_the_page_shows_the_file_of_a_day(tmp_path: Path) -> None:
    assert f"```\n{rendered(*report.lines(days.sample(tmp_path)))}```\n" in PAGE
