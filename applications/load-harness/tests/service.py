"""A service of its own process on loopback, for a test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx2

FOLDER = Path(__file__).resolve().parent.parent
KEY = "a key for the tests alone"
LONGEST = 30.0
"""Seconds that anything is waited for: a hang is a failure."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def until(probe: Any, what: str) -> Any:
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {LONGEST:g} s")


def environment(**settings: object) -> dict[str, str]:
    given = {name.upper(): str(value) for name, value in settings.items()}
    return {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "API_KEY": KEY, "DRAIN_SECONDS": "0", **given}


@dataclass
class Service:
    process: subprocess.Popen[str]
    client: httpx2.Client
    metrics_url: str
    log: IO[str]
    """All that it prints: a file, since a pipe that nobody reads would stop it."""

    @classmethod
    def start(cls, **settings: object) -> Service:
        port, metrics_port = free_port(), free_port()
        log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the service
        process = subprocess.Popen(
            [sys.executable, "-m", "load_harness"],
            cwd=FOLDER,
            env=environment(port=port, metrics_port=metrics_port, **settings),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": KEY}, timeout=LONGEST)
        service = cls(process, client, f"http://127.0.0.1:{metrics_port}/metrics", log)
        until(lambda: process.poll() is not None or service.status("/ready") == 200, "ready")
        assert process.poll() is None, service.printed()
        return service

    def status(self, path: str) -> int:
        """The status of a path; 0 if nobody answers."""
        try:
            return httpx2.get(str(self.client.base_url.join(path)), timeout=LONGEST).status_code
        except httpx2.TransportError:
            return 0

    def post(self, path: str, **load: object) -> httpx2.Response:
        return self.client.post(path, json=load)

    def metrics(self) -> str:
        return httpx2.get(self.metrics_url, timeout=LONGEST).text

    def children(self) -> list[int]:
        """The processes that it has started and that are still there."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(each) for each in text.split()]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def end(self) -> list[dict[str, Any]]:
        """Wait for its end; gives the lines of its log."""
        self.process.wait(LONGEST)
        return [json.loads(line) for line in self.printed().splitlines()]

    def printed(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()
