"""`python smoke.py [options] -- COMMAND…`: what a started load-harness must do before it is released.

The command starts it in the foreground, as `docker run` or `python -m load_harness` do, with API_KEY from its
environment; it is ended with SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

LONGEST = 60.0
"""Seconds to start, and to end."""


class SmokeError(Exception):
    """The service does not do what it must."""


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise SmokeError(f"{what} is {found!r}, not {wanted!r}")
    print(f"ok: {what} is {wanted!r}")  # noqa: T201


@contextmanager
def running(command: Sequence[str], key: str) -> Generator[subprocess.Popen[bytes]]:
    """A child that does not outlive the block."""
    child = subprocess.Popen(command, env={**os.environ, "API_KEY": key})  # noqa: S603
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _started(client: httpx2.Client, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise SmokeError(f"it ended with {child.returncode} before it was ready")
        try:
            if client.get("/ready").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise SmokeError(f"it is not ready after {LONGEST:g} s")


def smoke(client: httpx2.Client, metrics: str, child: subprocess.Popen[bytes], version: str, key: str) -> None:
    """Raises SmokeError for the first thing that is not as it must be."""
    _started(client, child)
    _expect("/version", client.get("/version").json()["version"], version)
    _expect("the name at /", client.get("/").json()["name"], "load-harness")
    _expect("/health", client.get("/health").status_code, 200)
    exposed = f'load_harness_build_info{{version="{version}"}} 1.0' in client.get(metrics).text
    _expect("the version in /metrics", exposed, wanted=True)
    _expect("/metrics where the load balancer sends requests", client.get("/metrics").status_code, 404)
    _expect("load without a key", client.post("/load/cpu", json={}).status_code, 401)
    known = {"x-api-key": key}
    for kind, load in (("cpu", {"seconds": 30}), ("memory", {"seconds": 30, "mebibytes": 8})):
        answer = client.post(f"/load/{kind}", json=load, headers=known)
        _expect(f"starting {kind} load", answer.status_code, 201)
        listed = [job["id"] for job in client.get(f"/load/{kind}", headers=known).json()]
        _expect(f"the {kind} jobs", listed, [answer.json()["id"]])
        _expect(f"stopping {kind} load", client.delete(answer.headers["location"], headers=known).status_code, 200)
    child.send_signal(signal.SIGTERM)
    _expect("the exit code after SIGTERM", child.wait(LONGEST), 0)


def main() -> None:
    """Run the command, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", default="v0.0.0", help="what it must say that it is")
    parser.add_argument("--port", type=int, default=5000, help="where it listens on this machine")
    parser.add_argument("--metrics-port", type=int, default=5001, help="where it serves /metrics on this machine")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    key = secrets.token_urlsafe(32)
    metrics = f"http://127.0.0.1:{given.metrics_port}/metrics"
    try:
        with running(given.command, key) as child, httpx2.Client(base_url=f"http://127.0.0.1:{given.port}") as client:
            smoke(client, metrics, child, given.version, key)
    except (SmokeError, OSError, httpx2.HTTPError, subprocess.TimeoutExpired) as error:
        sys.exit(f"smoke: {error}")


if __name__ == "__main__":
    main()
