"""The page of the rehearsal says what the command does: its steps, its options, and what it prints."""

from __future__ import annotations

import io
import re
from typing import Any

import typer

from common.console import Console
from fleet.app import app
from sandbox.day.outcome import Day
from sandbox.day.step import Outcome, Result
from sandbox.day.steps import DAY, steps
from sandbox.day.view import View
from tests.support.checkout import REPOSITORY
from tests.support.pages import rows

PAGE = (REPOSITORY / "docs" / "rehearse.md").read_text()
BLOCK = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
SEEN = {
    "preview": "58 to create; the account is unchanged",
    "up": "58 created; EKS cluster staging and 1 node group active",
}


def test_the_steps_of_the_page_are_those_of_the_day() -> None:
    said = rows(PAGE, "What each step proves")
    assert said == [[f"`{each.name}`" + " ◆" * each.needs_cluster, each.proves, each.by] for each in DAY]


def test_the_options_of_the_page_are_those_of_the_command() -> None:
    command: Any = typer.main.get_command(app)
    for word in ("sandbox", "rehearse"):
        context = command.make_context("fleet", [], resilient_parsing=True)
        command = command.get_command(context, word)
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    said = {re.findall(r"--[a-z-]+", row[0])[0] for row in rows(PAGE, "Options")}
    assert said == options - {"--cwd", "--stack", "--folder", "--no-cluster", "--help"}
    assert "ARGS=--no-cluster" in PAGE


def test_what_the_page_shows_is_what_the_command_prints() -> None:
    """The first two steps and the verdict, with the page's own seconds."""
    day = steps(has_cluster=False)
    seconds = dict(re.findall(r"^✓ (\S+) \((\d+\.\d) s\)", BLOCK, re.MULTILINE))
    results = [Result(step, Outcome.HELD, float(seconds.get(step.name, 0)), SEEN.get(step.name, "")) for step in day]
    file = io.StringIO()
    console = Console(file=file)
    console.print(f"rehearse: {len(day)} steps: {', '.join(step.name for step in day)}")
    view = View(console, len(day))
    for result in results[:2]:
        with view.running(result.step, ""):
            pass
        view.ended(result)
    minutes, rest = (int(number) for number in re.findall(r"held in (\d+) min (\d+) s", BLOCK)[0])
    console.print("...")
    console.print(Day(results, 60 * minutes + rest).verdict)
    assert file.getvalue() == BLOCK
