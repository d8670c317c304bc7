"""The commands of a step: all that they print is in the log, and what they say of themselves stays in the rehearsal."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from sandbox.day.commands import OF_A_JOB, Commands

if TYPE_CHECKING:
    from pathlib import Path


def run(tmp_path: Path, script: str, **variables: str) -> tuple[str, list[str], str]:
    """Stdout, what was shown, and the log."""
    log, shown = io.StringIO(), list[str]()
    commands = Commands(log, shown.append, 0.0)
    said = commands.run("the script", ["sh", "-c", script], {**os.environ, **variables}, tmp_path)
    return said.out, shown, log.getvalue()


def test_both_streams_are_in_the_log_and_stdout_is_given(tmp_path: Path) -> None:
    out, shown, log = run(tmp_path, "echo result; echo progress >&2")
    assert out == "result\n"
    assert set(shown[1:]) == {"result", "progress"}
    assert {"result", "progress"} <= set(log.splitlines())


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'error: no role'; echo later >&2; exit 1", "the script ended with exit code 1: error: no role"),
        ("echo one; echo why >&2; exit 2", "the script ended with exit code 2: why"),
        ("echo only; exit 3", "the script ended with exit code 3: only"),
        ("exit 4", "the script ended with exit code 4: it printed nothing"),
    ],
)
def test_a_command_that_fails_is_one_line(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(FleetError) as caught:
        run(tmp_path, script)
    assert str(caught.value) == said


def test_a_summary_of_the_job_gets_nothing_of_a_rehearsal(tmp_path: Path) -> None:
    given = dict.fromkeys(OF_A_JOB, "/the/file")
    out, _, _ = run(tmp_path, f"echo ${OF_A_JOB[0]}${OF_A_JOB[1]}", **given)
    assert out == "\n"
