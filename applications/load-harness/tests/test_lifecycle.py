"""How the service starts, drains, ends and is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from load_harness.__main__ import Server
from load_harness.app import Readiness
from load_harness.settings import load

from tests.service import FOLDER, KEY, Service, environment, free_port, until

if TYPE_CHECKING:
    from collections.abc import Callable


def gone(processes: list[int]) -> bool:
    return not any(os.path.exists(f"/proc/{each}") for each in processes)  # noqa: PTH110


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"api_key": ""}, "API_KEY is missing: set it, or API_KEY_REQUIRED=false where nobody else reaches the port"),
        ({"api_key": "short"}, "API_KEY is too short: it needs at least 16 characters"),
        ({"port": "http"}, "PORT: Input should be a valid integer, unable to parse string as an integer"),
        ({"max_seconds": 0}, "MAX_SECONDS: Input should be greater than or equal to 1"),
        ({"max_memory_mebibytes": 8}, "MAX_MEMORY_MEBIBYTES: Input should be greater than 8"),
        ({"port": 5000, "metrics_port": 5000}, "METRICS_PORT is 5000, like PORT: set another one"),
    ],
)
def test_a_wrong_setting_ends_it_with_one_line(settings: dict[str, object], line: str) -> None:
    command = [sys.executable, "-m", "load_harness"]
    done = subprocess.run(command, cwd=FOLDER, env=environment(**settings), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"load-harness: {line}\n")


@pytest.mark.parametrize("name", ["port", "metrics_port"])
def test_a_port_that_is_taken_ends_it_with_one_line(serve: Callable[..., Service], name: str) -> None:
    port = serve().client.base_url.port
    command = [sys.executable, "-m", "load_harness"]
    variables = environment(**{"port": free_port(), "metrics_port": free_port(), name: port})
    done = subprocess.run(command, cwd=FOLDER, env=variables, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"load-harness: port {port}: Address already in use")


def test_an_idle_connection_is_kept_for_as_long_as_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", KEY)
    assert Server(load(), Readiness()).config.timeout_keep_alive == load().keep_alive_seconds


def test_while_it_drains_it_is_alive_not_ready_and_takes_no_new_job(serve: Callable[..., Service]) -> None:
    service = serve(drain_seconds=3600)
    service.post("/load/cpu", seconds=600)
    service.terminate()
    until(lambda: service.status("/ready") == 503, "draining")
    assert service.client.get("/ready").json() == {"status": "draining"}
    assert service.status("/health") == 200
    assert "load_harness_draining 1.0" in service.metrics()
    assert service.post("/load/cpu").status_code == 503
    assert len(service.client.get("/load/cpu").json()) == 1
    service.terminate()  # a second one: at once
    assert service.end()[-1]["message"] == "ended"
    assert service.process.returncode == 0


def test_no_process_is_left_when_it_ends(serve: Callable[..., Service]) -> None:
    service = serve()
    service.post("/load/cpu", workers=2, seconds=600)
    service.post("/load/memory", seconds=600)
    children = service.children()
    service.terminate()
    service.end()
    assert service.process.returncode == 0
    assert len(children) == 3
    assert gone(children)


def test_no_process_is_left_when_it_is_killed(serve: Callable[..., Service]) -> None:
    service = serve()
    service.post("/load/cpu", workers=2, seconds=600)
    service.post("/load/memory", seconds=600)
    children = service.children()
    service.process.send_signal(signal.SIGKILL)
    until(lambda: gone(children), "the end of what it had started")


def test_a_job_that_the_system_kills_is_gone_and_its_room_is_free(serve: Callable[..., Service]) -> None:
    """As the kernel does where a pod has no memory left."""
    service = serve(max_memory_mebibytes=16)
    service.post("/load/memory", mebibytes=8, seconds=600)
    (child,) = service.children()
    os.kill(child, signal.SIGKILL)
    until(lambda: service.client.get("/load/memory").json() == [], "the job's end")
    assert service.post("/load/memory", mebibytes=8).status_code == 201


def smoke(**settings: object) -> subprocess.CompletedProcess[str]:
    port, metrics_port = free_port(), free_port()
    command = [sys.executable, "smoke.py", "--version=v9.9.9", f"--port={port}", f"--metrics-port={metrics_port}", "--"]
    command += [sys.executable, "-m", "load_harness"]
    variables = environment(**{"port": port, "metrics_port": metrics_port, **settings})
    return subprocess.run(command, cwd=FOLDER, env=variables, capture_output=True, text=True)


def test_it_passes_its_own_smoke_test() -> None:
    done = smoke(app_version="v9.9.9")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"app_version": "v9.9.8"}, r"smoke: /version is 'v9.9.8', not 'v9.9.9'"),
        ({"port": "0x"}, r"smoke: it ended with 1 before it was ready"),
        ({"max_cpu_workers": 1, "max_memory_mebibytes": 12}, r"smoke: starting memory load is 422, not 201"),
    ],
)
def test_the_smoke_test_fails_for_one_that_is_not_as_it_must_be(settings: dict[str, object], said: str) -> None:
    done = smoke(**{"app_version": "v9.9.9", **settings})
    assert done.returncode == 1
    assert re.search(said, done.stderr)


@pytest.mark.parametrize(("port", "code"), [("", 0), ("1", 1), ("http", 1)])
def test_the_containers_health_check_asks_the_service(serve: Callable[..., Service], port: str, code: int) -> None:
    listening = str(serve().client.base_url.port)
    command = [sys.executable, "-m", "load_harness.probe"]
    done = subprocess.run(command, cwd=FOLDER, env=environment(port=port or listening), capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
