"""How a day goes on after a step that does not hold, and what is left of it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from common.console import Console
from common.errors import CannotRunError, FleetError
from sandbox.checkout import Checkout
from sandbox.day.faults import API_SERVER
from sandbox.day.home import Home, Memory
from sandbox.day.run import Run
from sandbox.day.step import Step
from sandbox.day.view import View
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.day.day import Day
    from sandbox.day.outcome import Day as Outcomes


def holds(day: Day) -> str:
    day.commands.say("a line of its own")
    return "seen"


def fails(_day: Day) -> str:
    raise FleetError("it does not\nhold")


def is_stopped(_day: Day) -> str:
    raise KeyboardInterrupt


def step(name: str, work: Callable[[Day], str] = holds, *needs: str, is_night: bool = False) -> Step:
    return Step(name, f"{name} holds", "nothing", work, needs, is_night=is_night)


def run(root: Path, *steps: Step, keep: bool = False) -> tuple[Outcomes, list[str], Run]:
    file = io.StringIO()
    home = Home(root)
    home.claim()
    ran = Run(home, Checkout(REPOSITORY), "staging", steps, Memory(), View(Console(file=file), len(steps)), keep)
    return ran.run(), file.getvalue().splitlines(), ran


def outcomes(day: Outcomes) -> dict[str, str]:
    return {each.step.name: each.outcome.value for each in day.results}


UP, NIGHT = step("up"), step("night", holds, "up", is_night=True)


def test_what_needs_a_step_that_fails_is_not_run_and_the_night_is(tmp_path: Path) -> None:
    steps = (UP, step("bad", fails, "up"), step("after", holds, "bad"), step("apart", holds, "up"), NIGHT)
    day, lines, _ = run(tmp_path, *steps)
    assert outcomes(day) == {"up": "held", "bad": "failed", "after": "not run", "apart": "held", "night": "held"}
    assert not day.is_good
    log = tmp_path / "logs" / "02-bad.log"
    assert lines[2:6] == [
        "2/5 bad: bad holds",
        "✗ bad (0.0 s): it does not hold",
        f"  all that it printed: {log}",
        "– after: not run, it needs bad",  # noqa: RUF001  # a dash
    ]
    assert log.read_text() == "it does not hold\n"
    assert (tmp_path / "logs" / "01-up.log").read_text() == "a line of its own\n"


def test_a_night_has_nothing_to_end_where_nothing_was_begun(tmp_path: Path) -> None:
    day, lines, _ = run(tmp_path, step("first", fails), NIGHT)
    assert outcomes(day) == {"first": "failed", "night": "not run"}
    assert "there is nothing to end" in lines[-1]


def test_a_stack_that_was_built_by_half_has_its_night(tmp_path: Path) -> None:
    day, _, _ = run(tmp_path, replace(UP, work=fails), NIGHT)
    assert outcomes(day) == {"up": "failed", "night": "held"}


def test_what_is_kept_stays_as_it_was_at_the_failure(tmp_path: Path) -> None:
    day, lines, ran = run(tmp_path, UP, step("bad", fails, "up"), NIGHT, keep=True)
    assert outcomes(day) == {"up": "held", "bad": "failed", "night": "not run"}
    assert lines[-1].endswith("bad failed, and it is kept as it was then")
    assert ran.home.memory_file.exists()
    assert Memory.model_validate_json(ran.home.memory_file.read_text()).there.standing == {"up"}


def test_nothing_is_remembered_of_what_is_not_kept(tmp_path: Path) -> None:
    _, _, ran = run(tmp_path, UP)
    assert not ran.home.memory_file.exists()
    assert {path.name for path in tmp_path.iterdir()} == {".gitignore", "logs"}


def test_after_ctrl_c_nothing_more_runs(tmp_path: Path) -> None:
    day, _, ran = run(tmp_path, UP, step("long", is_stopped), step("apart"), NIGHT)
    assert outcomes(day) == {"up": "held", "long": "stopped", "apart": "not run", "night": "not run"}
    assert isinstance(ran.interruption, KeyboardInterrupt)


def test_a_defect_ends_the_rehearsal_and_leaves_nothing(tmp_path: Path) -> None:
    def is_wrong(_day: Day) -> str:
        raise AssertionError

    with pytest.raises(AssertionError):
        run(tmp_path, UP, step("wrong", is_wrong))
    assert not (tmp_path / "rehearsal.json").exists()


def test_the_fault_of_a_step_is_said_before_it_and_stands_in_its_result(tmp_path: Path) -> None:
    home, file = Home(tmp_path), io.StringIO()
    home.claim()
    home.sandbox.claim()
    steps = (UP, step("change"))
    view = View(Console(file=file), 2)
    day = Run(home, Checkout(REPOSITORY), "staging", steps, Memory(), view, faults=API_SERVER).run()
    assert [each.fault for each in day.results] == ["", "the API server is away for a moment"]
    assert "   fault: the API server is away for a moment" in file.getvalue().splitlines()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CannotRunError, match="is not empty and not a rehearsal's folder: name another with --folder"):
        Home(tmp_path).claim()


def test_two_rehearsals_in_one_folder_are_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with (
        home.held(print),
        pytest.raises(CannotRunError, match=r"a rehearsal runs in .*: wait for its end"),
        Home(tmp_path).held(print),
    ):
        pass
    with home.held(print):
        pass
