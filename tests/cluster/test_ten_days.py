"""Ten whole days in a row, each with another seed of faults: nothing grows, and the account is empty ten times."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.account import census, process
from sandbox.day import marks
from sandbox.day.home import Home
from sandbox.day.steps import DAY
from tests.support import survivors
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

DAYS = 10
LONGEST = 3600.0
"""Seconds of a day: a hang is a failure."""
MEMORY = 1.5
"""How much more memory than the first day another may take: that differs from run to run."""


@dataclass(frozen=True)
class Size:
    """What a rehearsal takes after its last night."""

    processes: int
    ports: int
    files: int
    memory: int
    """Bytes."""


def size(home: Home) -> Size:
    running = marks.found(home.root)
    listening = [each for one in running for each in one.net_connections() if each.status == psutil.CONN_LISTEN]
    memory = sum(one.memory_full_info().uss for one in running)
    return Size(len(running), len(listening), sum(one.num_fds() for one in running), memory)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "rehearsal")
    yield made
    made.empty()


def test_ten_days_with_ten_seeds_leave_what_one_leaves(home: Home, tmp_path: Path) -> None:
    """Each in an account of its own, as `make rehearse` has it: one that is kept keeps each version of its state."""
    sizes: list[Size] = []
    every = ",".join(step.name for step in DAY)
    for seed in range(DAYS):
        command = [sys.executable, "-m", "fleet", "sandbox", "rehearse", f"--folder={home.root}", f"--seed={seed}"]
        # Kept, so that it can be looked at; all steps are named, so that the last night is among them.
        command += ["--keep", f"--only={every}", "--json"]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=LONGEST)
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert [each["outcome"] for each in told["steps"]] == ["held"] * len(DAY)
        account = process.find(home.sandbox)
        assert account
        assert census.take(account.endpoint, account.region) == home.read().census
        sizes.append(size(home))
        print(f"day {seed + 1}: {sizes[-1]}, {told['seconds']} s")  # noqa: T201  # the test's figures
        home.empty()
        assert survivors.of(tmp_path) == []
    assert {(each.processes, each.ports) for each in sizes} == {(sizes[0].processes, sizes[0].ports)}
    assert max(each.files for each in sizes) <= sizes[0].files + DAYS
    assert max(each.memory for each in sizes) <= MEMORY * sizes[0].memory
