"""The whole day in one command, without a cluster: stopped and killed at steps of it, kept, and run to its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.day import marks
from sandbox.day.home import Home
from sandbox.day.steps import steps
from tests.support import survivors
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.night]

LONGEST = 300.0
"""Seconds: a hang is a failure."""


class Rehearsals:
    """Rehearsals in one folder, as a person types them."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "rehearsal")
        self.root = root
        self.children: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "fleet", "sandbox", "rehearse", "--no-cluster", f"--folder={self.home.root}"]
        child = subprocess.Popen(
            [*command, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.children.append(child)
        return child

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """To its end; stdout and stderr."""
        child = self.start(*arguments)
        out, err = child.communicate(timeout=2 * LONGEST)
        assert child.returncode == code, out + err
        return out, err

    def close(self) -> None:
        for child in self.children:
            child.kill()
            child.communicate()
        self.home.empty()


@pytest.fixture
def rehearsals(tmp_path: Path) -> Iterator[Rehearsals]:
    made = Rehearsals(tmp_path)
    yield made
    made.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def reaches(child: subprocess.Popen[str], text: str) -> None:
    """Wait for a line that begins with a text."""
    assert child.stderr
    seen: list[str] = []
    for line in child.stderr:
        seen.append(line)
        if line.startswith(text):
            return
    raise AssertionError("".join(seen))


def calls(home: Home, operation: str) -> bool:
    """Whether the account got a call."""
    record = home.sandbox.calls
    return record.exists() and f'"{operation}"' in record.read_text()


def test_ctrl_c_ends_everything_and_says_what_to_type(rehearsals: Rehearsals) -> None:
    child = rehearsals.start("--only", "up")
    reaches(child, "1/1 up: ")
    until(lambda: calls(rehearsals.home, "CreateVpc"))
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=LONGEST)
    assert child.returncode == 130
    assert survivors.of(rehearsals.root) == []
    assert "stopped: Ctrl-C, or a signal" in out
    assert f"rehearse --no-cluster --folder {rehearsals.home.root} --from up" in err


def test_what_is_kept_goes_on_and_a_kill_in_the_night_leaves_no_process(rehearsals: Rehearsals) -> None:
    _, err = rehearsals.run("--only", "up", "--keep")
    assert f"rehearse --no-cluster --folder {rehearsals.home.root} --from last-night" in err
    assert marks.found(rehearsals.home.root)
    child = rehearsals.start("--only", "night")
    reaches(child, "1/1 night: ")  # what it needs stands
    until(lambda: calls(rehearsals.home, "DeleteNodegroup"))
    child.kill()
    until(lambda: not marks.found(rehearsals.home.root))
    assert survivors.of(rehearsals.root) == []


def test_a_whole_day_after_one_that_was_killed_with_its_guard(rehearsals: Rehearsals) -> None:
    child = rehearsals.start()
    reaches(child, "✓ preview ")
    family = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
    doomed = [each for each in family if "sandbox.account" not in each.cmdline()]
    assert any("sandbox.day.guard" in each.cmdline() for each in doomed)
    for each in doomed:
        each.kill()
    psutil.wait_procs(doomed)
    assert marks.found(rehearsals.home.root)  # the account, which nobody is left to end
    out, err = rehearsals.run("--seed=1", "--json")
    assert "what an earlier rehearsal left was ended" in err
    told = json.loads(out)
    assert told["good"]
    assert [each["step"] for each in told["steps"]] == [step.name for step in steps(has_cluster=False)]
    assert {each["outcome"] for each in told["steps"]} == {"held"}
    struck = [each["fault"] for each in told["steps"] if each["fault"]]
    assert struck
    assert not [fault for fault in struck if fault.endswith("not met")]
    assert survivors.of(rehearsals.root) == []
