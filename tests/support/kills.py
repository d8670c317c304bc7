"""Runs that are killed at a call that AWS has got: not at a time, which another machine has not."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from sandbox import pace
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.rehearsals import Sandbox

PACE = {pace.VARIABLE: "0.01"}
"""A hundredth of AWS's durations: a cluster is being made for eight seconds."""

PATIENCE = 900.0
"""Seconds until a call that never comes is a failure."""


@dataclass(frozen=True)
class Point:
    """A moment of a run: when the account has answered the call of an operation that is the `number`th since then."""

    operation: str
    number: int = 1

    def __str__(self) -> str:
        return self.operation if self.number == 1 else f"{self.operation}-{self.number}"


def killed(
    sandbox: Sandbox, point: Point, *arguments: str, parent_alone: bool = False, paced: Mapping[str, str] = PACE
) -> str:
    """Run a sandbox command and kill it at a point: every process of it, or the engine alone; gives what it printed.

    The output goes to a file: a provider that outlives its engine holds a pipe open.
    """
    output = sandbox.folder.root.parent / "killed.out"
    start = _size(sandbox)
    with output.open("w") as file:
        child = subprocess.Popen(
            sandbox.command(*arguments),
            cwd=REPOSITORY,
            env={**os.environ, **sandbox.engine, **paced},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(sandbox, child, point, start)
    except AssertionError as error:
        _kill(child, parent_alone=False)
        raise AssertionError(f"{error}:\n{output.read_text()}") from None
    _kill(child, parent_alone=parent_alone)
    return output.read_text()


def _await(sandbox: Sandbox, child: subprocess.Popen[bytes], point: Point, start: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while _calls(sandbox, start).count(point.operation) < point.number:
        assert child.poll() is None, f"it ended before {point}"
        assert time.monotonic() < deadline, f"{point} never came"
        time.sleep(0.005)


def killed_at_line(sandbox: Sandbox, text: str, *arguments: str) -> None:
    """Run a sandbox command and kill every process of it when it has printed a line with a text on stderr."""
    child = subprocess.Popen(
        sandbox.command(*arguments),
        cwd=REPOSITORY,
        env={**os.environ, **sandbox.engine, **PACE},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr
    assert any(text in line for line in child.stderr), f"it never said {text!r}"
    _kill(child, parent_alone=False)


def _kill(child: subprocess.Popen[str] | subprocess.Popen[bytes], *, parent_alone: bool) -> None:
    if child.poll() is not None:
        return
    family = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
    doomed = [each for each in family if _is_engine(each)] if parent_alone else family
    assert doomed, "there is no engine to kill"
    for each in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(doomed)
    child.wait()


def _is_engine(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.name() == "pulumi"
    return False


def _size(sandbox: Sandbox) -> int:
    return sandbox.folder.calls.stat().st_size if sandbox.folder.calls.exists() else 0


def _calls(sandbox: Sandbox, start: int) -> list[str]:
    """The operations that went well since a size of the record."""
    with sandbox.folder.calls.open("rb") as record:
        record.seek(start)
        lines = record.read().decode().splitlines(keepends=True)
    calls = [json.loads(line) for line in lines if line.endswith("\n")]
    return [call["operation"] for call in calls if call["status"] < 300]
