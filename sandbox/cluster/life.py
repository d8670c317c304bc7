"""The life of a cluster, as commands see it: found, started, ended, and what killed ones left cleared away."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from common.errors import CannotRunError, FleetError
from sandbox.account.isolation import isolated
from sandbox.account.process import LOOPBACK
from sandbox.cluster import charts, pki, processes, repository, supervisor
from sandbox.cluster import layout as layouts
from sandbox.cluster.layout import Layout
from sandbox.folder import CODE, Folder

if TYPE_CHECKING:
    from pathlib import Path

    from tools.build import Say

START_DEADLINE = 240.0
END_DEADLINE = 60.0
LEAST_SPACE = 500 * 2**20
"""Bytes: below them etcd fails in the middle of things."""


@dataclass(frozen=True)
class State:
    """A running supervisor."""

    pid: int
    name: str


def find(layout: Layout) -> State | None:
    """The running supervisor; None if there is none, in whatever way it ended."""
    if not layout.lock.exists():
        return None
    with layout.lock.open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return None
    with suppress(OSError, ValueError, KeyError):
        said = json.loads(layout.state_file.read_text())
        return State(said["pid"], said["name"])
    return State(0, "")


def up(folder: Folder, source: Path, name: str, repository_name: str, say: Say) -> State:
    """Start the cluster that stands behind an EKS cluster of the account, unless it runs.

    Args:
        folder: of the sandbox.
        source: the checkout whose commit the Git host gets.
        name: of the EKS cluster.
        repository_name: OWNER/REPOSITORY at the Git host.
        say: told each step.

    Raises:
        FleetError: a port is taken, the disk is full, a part does not start, or a program cannot be built.
    """
    layout = Layout.of(folder)
    running = find(layout)
    if running:
        return running
    clear(layout, say)
    layout.root.mkdir(parents=True, exist_ok=True)
    pki.authority(layout)
    parts = supervisor.parts(say)
    if shutil.disk_usage(layout.root).free < LEAST_SPACE:
        raise CannotRunError(f"the disk of {layout.root} is full: {LEAST_SPACE >> 20} MB are needed")
    ports = layouts.ports(layout)
    for listener, what in LISTENERS.items():
        _refuse_taken(what, getattr(ports, listener))
    if not layout.charts.exists():
        admission = charts.Admission(ports.admission, layout.authority.read_bytes())
        charts.package(layout.charts, parts.programs.helm, admission, say)
    repository.seed(layout, repository_name, source)
    repository.token(layout)
    return _start(folder, layout, name)


def down(layout: Layout, say: Say) -> bool:
    """End the cluster; whether there was one. The Git host's repository stays.

    Raises:
        FleetError: it does not end.
    """
    running = find(layout)
    if running:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(running.pid)
            process.terminate()
            with suppress(psutil.TimeoutExpired):
                process.wait(END_DEADLINE)
    left = clear(layout, say)
    return bool(running) or left


def clear(layout: Layout, say: Say) -> bool:
    """End what killed supervisors left; whether there was anything."""
    stale = processes.found(layout, but=[os.getpid()])
    if stale:
        say(f"{len(stale)} stale processes of an earlier cluster are ended: {', '.join(sorted(_names(stale)))}")
        processes.end(stale)
    return bool(stale)


def _names(stale: list[psutil.Process]) -> set[str]:
    names: set[str] = set()
    for process in stale:
        with suppress(psutil.Error):
            names.add(process.name())
    return names


LISTENERS = {
    "api": "API server",
    "git": "Git host",
    "storage": "source-controller",
    "admission": "load balancer controller",
}
"""Port → whose it is."""


def _refuse_taken(what: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise CannotRunError(
                f"port {port} of {LOOPBACK} is taken, which is the {what}'s in this sandbox: end what listens there, "
                "or run `fleet sandbox reset`"
            ) from None


def _start(folder: Folder, layout: Layout, name: str) -> State:
    ready, told = os.pipe()
    command = [sys.executable, "-m", "sandbox.cluster", f"--folder={folder.root}", f"--name={name}", f"--ready={told}"]
    layout.logs.mkdir(parents=True, exist_ok=True)
    log = layout.root / "supervisor.log"
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 our own module
            command,
            cwd=CODE,
            env=isolated({**os.environ, processes.MARK: str(layout.root)}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(told,),
        )
    os.close(told)
    try:
        said = _await(ready, child)
    except BaseException:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(END_DEADLINE)
        raise
    finally:
        os.close(ready)
    if said != "ready":
        child.wait()
        raise FleetError(said or "\n".join([f"the cluster did not start; the end of {log}:", *processes.tail(log)]))
    child.returncode = 0  # it outlives this command: nothing is to wait for it
    return State(child.pid, name)


def _await(ready: int, child: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_DEADLINE
    readable, _, _ = select.select([ready], [], [], deadline - time.monotonic())
    if not readable:
        child.terminate()
        return f"the cluster was not ready within {START_DEADLINE:g} s"
    return os.read(ready, 65536).decode()
