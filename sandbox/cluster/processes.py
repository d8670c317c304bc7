"""Processes of a cluster: started with a mark in their environment, found by it, ended.

Whoever started them may be killed: the next command finds what is left by the mark, not by what was written down.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sandbox.cluster.layout import Layout

MARK = "INFRA_FLEET_CLUSTER"
"""In the environment of every process of a cluster: the folder that it belongs to."""

GRACE = 5.0
"""Seconds that a process has to end before it is killed."""


def start(
    layout: Layout, name: str, command: Sequence[str | Path], env: Mapping[str, str], *, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a component in a session of its own; its output goes to its log. Raises OSError."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    with layout.log(name).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 our own arguments
            [str(part) for part in command],
            cwd=cwd or layout.root,
            env={**env, MARK: str(layout.root)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def found(layout: Layout, *, but: Iterable[int] = ()) -> list[psutil.Process]:
    """Every process that carries the mark of this cluster."""
    excepted = set(but)
    marked: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid not in excepted and process.environ().get(MARK) == str(layout.root):
                marked.append(process)
    return marked


def end(processes: Sequence[psutil.Process]) -> None:
    """Ask processes to end, then make them."""
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    _gone, alive = psutil.wait_procs(processes, timeout=GRACE)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=GRACE)


def finish(child: subprocess.Popen[bytes], grace: float = GRACE) -> None:
    """End a child of our own, which has so many seconds before it is killed."""
    if child.poll() is None:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    if child.poll() is None:
        child.kill()
        child.wait()


def tail(path: Path, lines: int = 5) -> list[str]:
    """The last lines of a log."""
    if not path.exists():
        return []
    return path.read_text(errors="replace").splitlines()[-lines:]
