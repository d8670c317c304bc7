"""What a person sees while a step runs: on a terminal its seconds and its last line, elsewhere a plain line."""

from __future__ import annotations

import io

import pytest

from common.console import Console
from sandbox.day.step import Outcome, Result
from sandbox.day.steps import DAY
from sandbox.day.view import View


def shown(width: int) -> str:
    file = io.StringIO()
    console = Console(file=file)
    console.width = width
    view = View(console, 16)
    with view.running(DAY[0], "EC2 is late"):
        view.show("Previewing \x1b[31mupdate (staging):")
    view.ended(Result(DAY[0], Outcome.HELD, 3.21, "58 to create"))
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_the_step_its_seconds_its_fault_and_its_last_line(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    text = shown(width)
    assert f"1/16 preview 0 s: {DAY[0].proves}" in text
    assert "fault: EC2 is late" in text
    assert "Previewing" in text
    assert "\x1b[31mupdate" not in text  # what a command prints is no command to the terminal
    assert text.endswith("preview (3.2 s): 58 to create\n")


def test_elsewhere_a_step_is_two_lines() -> None:
    assert shown(80).splitlines() == [
        f"1/16 preview: {DAY[0].proves}",
        "   fault: EC2 is late",
        "✓ preview (3.2 s): 58 to create",
    ]
