"""What the stand-ins share, which run as the processes of pods: their cluster, their probes, their loop."""

from __future__ import annotations

import fcntl
import http.server
import json
import os
import signal
import ssl
import threading
import time
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING

import yaml

from common.errors import FleetError
from common.kubernetes.api import Cluster
from sandbox.account.process import LOOPBACK
from sandbox.cluster import processes
from sandbox.cluster.layout import Layout, ports

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE = 1.0
"""Seconds between two looks: each asks the API server and the account, which a laptop notices."""


def cluster() -> Cluster:
    """The cluster of the pod, by its ServiceAccount's token."""
    return Cluster(yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text()))


def serve_probes(address: str) -> None:
    """Answer readiness and liveness probes at host:port, for ever, in a thread."""
    host, _, port = address.rpartition(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), _Healthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def serve_admission() -> None:
    """Allow what the API server asks about, for ever, in a thread; all replicas share the port."""
    layout = Layout(Path(os.environ[processes.MARK]))
    server = _Admission((LOOPBACK, ports(layout).admission), _Admitting)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(layout.live / "pki" / "servers.pem", layout.live / "pki" / "servers.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def loop(step: Callable[[], None]) -> None:
    """Do something again and again until the process is told to end; what fails is said and done again."""
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: end.set())
    said = ""
    while not end.wait(PAUSE):
        try:
            step()
            said = ""
        except FleetError as error:
            if str(error) != said:
                say(f"failed, and is tried again: {error}")
            said = str(error)
        except Exception:
            say(traceback.format_exc())
            raise


def step_as_leader(name: str, step: Callable[[], None]) -> Callable[[], None]:
    """The same step, taken by one replica until it fails: a real one that the API server refuses loses its Lease."""
    held: list[IO[str]] = []

    def led() -> None:
        if not held:
            lock = (Path(os.environ[processes.MARK]) / "live" / f"{name}.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                return
            held.append(lock)
        try:
            step()
        except BaseException:
            held.pop().close()
            raise

    return led


def is_stuck(name: str) -> bool:
    """Whether a person wants this stand-in to take nothing down: fleet sandbox cluster stick."""
    return (Path(os.environ[processes.MARK]) / "stuck" / name).exists()


def say(line: str) -> None:
    """Write a line to the pod's log."""
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)  # noqa: T201  # a container's log


class _Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the base class's name
        """Say that the process lives."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Log no requests."""


class _Admission(http.server.ThreadingHTTPServer):
    allow_reuse_port = True


class _Admitting(_Healthy):
    def do_POST(self) -> None:  # the base class's name
        """Answer an AdmissionReview (Kubernetes, "Dynamic Admission Control")."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"uid": review["request"]["uid"], "allowed": True}
        body = json.dumps({**review, "request": None, "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
