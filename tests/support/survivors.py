"""Processes that a test run has left behind."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import psutil

from sandbox.cluster.processes import MARK
from sandbox.folder import FOLDER_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 10.0
"""Seconds in which what was told to end may end."""


def of(root: Path, patience: float = PATIENCE) -> list[str]:
    """End what still runs for a folder under `root`; gives the command lines, none if all has ended in time."""
    deadline = time.monotonic() + patience
    while (left := _running(root)) and time.monotonic() < deadline:
        time.sleep(0.1)
    lines = [line for _process, line in left]
    for process, _line in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs([process for process, _line in left], timeout=patience)
    return lines


def _running(root: Path) -> list[tuple[psutil.Process, str]]:
    """The processes whose command line, sandbox or cluster is under `root`, this one and its parents aside."""
    ours = {process.pid for process in (psutil.Process(), *psutil.Process().parents())}
    found: list[tuple[psutil.Process, str]] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            variables = process.environ()
            told = [line, *(variables.get(name, "") for name in (FOLDER_VARIABLE, MARK))]
            if process.pid not in ours and any(f"{root}/" in text for text in told):
                found.append((process, line))
    return found
