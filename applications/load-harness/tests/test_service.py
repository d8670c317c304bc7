"""What the service answers."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from load_harness.jobs import INTERPRETER

from tests.service import KEY, LONGEST, Service, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def idle(service: Service) -> None:
    """Each test begins without jobs."""
    for kind in ("cpu", "memory"):
        service.client.delete(f"/load/{kind}")
    service.client.post("/ready/enable")


def samples(service: Service) -> dict[str, float]:
    """What /metrics says, by name and labels."""
    lines = service.metrics().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def proportional(process: int) -> float:
    """MiB of a process, what it shares with others counted in part: PSS."""
    (line,) = (line for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines() if line[:4] == "Pss:")
    return int(line.split()[1]) / 1024


def test_it_says_what_it_is_and_what_it_may_do(service: Service) -> None:
    info = service.client.get("/").json()
    assert info["name"] == "load-harness"
    assert info["version"] == service.client.get("/version").json()["version"] == "v1.2.3"
    limits = {"cpu_workers": 3, "memory_mebibytes": 72, "jobs": 16, "seconds": 120, "delay_seconds": 30}
    assert info["limits"] == limits


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/version"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_changes_nothing_needs_no_key(service: Service, method: str, path: str) -> None:
    answer = service.client.request(method, path, headers={"x-api-key": ""})
    assert answer.status_code == 200
    assert bool(answer.content) == (method == "GET")


def test_metrics_have_a_port_of_their_own(service: Service) -> None:
    """The load balancer sends requests to the other one."""
    for path in ("/metrics", "/metrics/", "/%6Detrics", "/METRICS"):
        assert service.status(path) == 404
    assert "load_harness_ready 1.0" in service.metrics()
    for path in ("/", "/health", "/load/cpu"):
        assert service.client.get(service.metrics_url.replace("/metrics", path)).status_code == 404


BODIES = {
    "a job": b'{"seconds": 60}',
    "none": b"",
    "not JSON": b"not JSON",
    "too large": b"x" * 4097,
    "not half": b"[" * 4096,
}


@pytest.mark.parametrize("kind", ["cpu", "memory"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("key", ["", KEY[:-1], f"{KEY}.", "clé"])
def test_load_needs_the_key(service: Service, kind: str, method: str, key: str) -> None:
    answer = service.client.request(method, f"/load/{kind}", headers={b"x-api-key": key.encode()}, json={"seconds": 60})
    assert answer.status_code == 401
    assert "X-API-Key" in answer.json()["detail"]
    assert service.children() == []


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_key_is_looked_at_before_the_body(service: Service, body: bytes) -> None:
    headers = {"x-api-key": "", "content-type": "application/json"}
    assert service.client.post("/load/cpu", content=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/status/200"), ("GET", "/delay/0"), ("POST", "/ready/disable"), ("GET", "/load/cpu/x")],
)
def test_what_makes_something_happen_needs_the_key(service: Service, method: str, path: str) -> None:
    assert service.client.request(method, path, headers={"x-api-key": ""}).status_code == 401
    assert service.status("/ready") == 200


@pytest.mark.parametrize("code", [200, 204, 301, 304, 404, 418, 500, 503, 599])
def test_it_answers_with_the_status_that_is_asked_for(service: Service, code: int) -> None:
    answer = service.client.get(f"/status/{code}", follow_redirects=False)
    assert answer.status_code == code
    assert code in {204, 304} or answer.json() == {"status": code}
    assert samples(service)[f'http_requests_total{{method="GET",route="/status/{{code}}",status="{code}"}}'] == 1


def test_it_answers_as_late_as_it_is_asked_to(service: Service) -> None:
    assert service.client.get("/delay/0.3").json() == {"delay": 0.3}
    labels = 'method="GET",route="/delay/{seconds}"'
    assert samples(service)[f"http_request_duration_seconds_sum{{{labels}}}"] >= 0.3


@pytest.mark.parametrize(
    "path",
    ["/status/199", "/status/600", "/status/ok", "/delay/31", "/delay/-1", "/delay/nan", "/delay/inf", "/delay/1e999"],
)
def test_an_answer_that_is_out_of_bounds_is_refused(service: Service, path: str) -> None:
    assert service.client.get(path).status_code == 422


def test_readiness_can_be_switched_and_the_pod_stays_alive(service: Service) -> None:
    assert service.client.post("/ready/disable").json()["status"] == "disabled"
    answer = service.client.get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "disabled"})
    assert samples(service)["load_harness_ready"] == 0
    assert service.status("/health") == 200
    assert service.client.post("/ready/enable").json()["status"] == "ready"
    assert service.status("/ready") == 200
    assert service.client.post("/ready/other").status_code == 422


def test_a_cpu_job_has_its_workers_until_it_is_stopped(service: Service) -> None:
    begun = service.post("/load/cpu", workers=2, seconds=60)
    assert begun.status_code == 201
    assert len(service.children()) == 2
    (listed,) = service.client.get("/load/cpu").json()
    assert (listed["amount"], listed["unit"], listed["seconds"]) == (2, "workers", 60)
    assert service.client.get(begun.headers["location"]).json()["id"] == listed["id"]
    assert samples(service)['load_harness_jobs{kind="cpu"}'] == 1
    assert samples(service)["load_harness_cpu_workers"] == 2
    assert service.client.delete(begun.headers["location"]).json()["id"] == listed["id"]
    assert service.client.get("/load/cpu").json() == service.children() == []
    assert service.client.delete(begun.headers["location"]).status_code == 404


def test_a_worker_uses_the_cpu(service: Service) -> None:
    service.post("/load/cpu", seconds=60)
    (child,) = service.children()

    def ticks() -> int:
        after_name = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        return int(after_name[11])  # utime

    until(lambda: ticks() > 30, "0.3 s of a core's time")


def test_a_memory_job_holds_what_it_was_asked_for(service: Service) -> None:
    service.post("/load/memory", mebibytes=48, seconds=60)
    (child,) = service.children()
    until(lambda: proportional(child) >= 48, "48 MiB")
    assert samples(service)["load_harness_memory_bytes"] == 48 * 1024 * 1024


@pytest.mark.parametrize("mebibytes", [1, 24, 72])
def test_memory_jobs_take_no_more_than_is_allowed_their_interpreters_included(service: Service, mebibytes: int) -> None:
    """However small they are: as many as there is room for. The numbers are those of a pod's memory limit."""
    service.post("/load/cpu", workers=3, seconds=60)
    workers = service.children()
    while (answer := service.post("/load/memory", mebibytes=mebibytes, seconds=60)).status_code == 201:
        pass
    assert answer.status_code == 429
    children = sorted({*service.children()} - {*workers})
    assert len(children) == {1: 8, 24: 2, 72: 1}[mebibytes]
    for child in children:
        until(lambda child=child: proportional(child) >= mebibytes + 1, "the memory of a job")
    assert sum(map(proportional, children)) <= 80
    assert all(proportional(worker) <= INTERPRETER for worker in workers)
    assert proportional(service.process.pid) <= 128


def test_the_number_of_jobs_is_bounded(serve: Callable[..., Service]) -> None:
    service = serve(max_jobs=2, max_cpu_workers=8)
    for kind in ("cpu", "memory"):
        assert [service.post(f"/load/{kind}").status_code for _ in range(3)] == [201, 201, 429]
        assert (
            service.post(f"/load/{kind}").json()["detail"] == f"2 {kind} jobs run, the most that may: stop one, or wait"
        )


@pytest.mark.parametrize(("kind", "amount"), [("cpu", 1), ("memory", 64)])
def test_a_request_without_a_body_takes_the_defaults(service: Service, kind: str, amount: int) -> None:
    answer = service.client.post(f"/load/{kind}")
    assert answer.status_code == 201
    assert (answer.json()["amount"], answer.json()["seconds"]) == (amount, 60)


@pytest.mark.parametrize(("kind", "load"), [("cpu", {"workers": 1}), ("memory", {"mebibytes": 1})])
def test_a_job_ends_by_itself(service: Service, kind: str, load: dict[str, int]) -> None:
    service.post(f"/load/{kind}", seconds=1, **load)
    until(lambda: service.client.get(f"/load/{kind}").json() == [], "the job's end")
    assert service.children() == []


@pytest.mark.parametrize(
    ("kind", "load", "named"),
    [
        ("cpu", {"workers": 4}, "workers is 4: at most 3"),
        ("cpu", {"seconds": 121}, "seconds is 121: at most 120"),
        ("cpu", {"seconds": 0}, "seconds"),
        ("cpu", {"seconds": True}, "seconds"),
        ("cpu", {"seconds": "60"}, "seconds"),
        ("cpu", {"workers": -1}, "workers"),
        ("cpu", {"intensity": 1.1}, "intensity"),
        ("cpu", {"cores": 1}, "cores"),
        ("memory", {"mebibytes": 73}, "mebibytes is 73: at most 72"),
        ("memory", {"seconds": 10**30}, "seconds"),
    ],
)
def test_what_is_out_of_bounds_is_refused_and_named(
    service: Service, kind: str, load: dict[str, object], named: str
) -> None:
    answer = service.post(f"/load/{kind}", **load)
    assert answer.status_code == 422
    assert named in answer.text
    assert service.children() == []


def test_jobs_together_stay_within_the_capacity(service: Service) -> None:
    service.post("/load/cpu", workers=2, seconds=60)
    answer = service.post("/load/cpu", workers=2)
    assert answer.status_code == 429
    assert answer.json()["detail"] == "2 workers requested, 1 of 3 free: stop a job, or wait"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert service.post("/load/cpu", workers=1).status_code == 201
    assert len(service.children()) == 3
    assert len(service.client.delete("/load/cpu").json()) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"x" * 4097, 413),
        (iter([b"{}"]), 411),
        (b"not JSON", 422),
        (b"[]", 422),
        (b'{"intensity": NaN}', 422),
        (b'{"intensity": Infinity}', 422),
        (b'{"intensity": -Infinity}', 422),
        (b'{"intensity": 1e999}', 422),
        (b'{"seconds": NaN}', 422),
        (b'{"\\ud800": 1}', 422),
        (b"\xff", 400),
        (b"[" * 4096, 400),
    ],
)
def test_a_body_that_is_no_job_is_refused(service: Service, content: bytes | Iterator[bytes], code: int) -> None:
    answer = service.client.post("/load/cpu", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, "detail" in answer.json()) == (code, True)
    assert service.children() == []


@pytest.fixture(scope="module")
def impatient() -> Iterator[Service]:
    """One that gives up after a second."""
    started = Service.start(body_seconds=1, keep_alive_seconds=1)
    yield started
    started.close()


def half(service: Service, method: str, path: str, key: str = "") -> http.client.HTTPConnection:
    """A connection on which half of a request's body was sent."""
    connection = http.client.HTTPConnection("127.0.0.1", service.client.base_url.port, timeout=LONGEST)
    connection.putrequest(method, path)
    for name, value in {"content-type": "application/json", "content-length": "15", "x-api-key": key}.items():
        connection.putheader(name, value)
    connection.endheaders(b'{"seconds"')
    return connection


def test_a_body_that_is_only_half_sent_is_given_up(impatient: Service) -> None:
    answer = half(impatient, "POST", "/load/cpu", KEY).getresponse()
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert json.load(answer) == {"detail": "the body is not complete after 1 s"}


@pytest.mark.parametrize(("method", "path", "code"), [("POST", "/load/cpu", 401), ("GET", "/version", 200)])
def test_a_body_that_nobody_reads_holds_no_connection(impatient: Service, method: str, path: str, code: int) -> None:
    """It is answered at once, and what comes of the body later does not keep the connection."""
    connection = half(impatient, method, path)
    answer = connection.getresponse()
    assert (answer.status, bool(answer.read())) == (code, True)
    connection.send(b":")
    assert connection.sock.recv(1) == b""


def test_a_connection_goes_on_after_a_body_that_nobody_read(service: Service) -> None:
    connection = half(service, "POST", "/load/cpu")
    answer = connection.getresponse()
    assert answer.status == 401
    answer.read()
    socket = connection.sock
    connection.send(b": 60}")
    connection.request("GET", "/version")
    assert connection.getresponse().status == 200
    assert connection.sock is socket


def test_requests_are_counted_by_route_and_never_by_a_strangers_path(service: Service) -> None:
    service.client.get("/load/cpu/0a1b2c")
    service.client.get("/wp-login.php")
    service.client.request("BREW", "/")
    service.client.head("/version")
    found = {name for name in samples(service) if name.startswith("http_requests_total")}
    assert 'http_requests_total{method="GET",route="/load/cpu/{job_id}",status="404"}' in found
    assert 'http_requests_total{method="GET",route="none",status="404"}' in found
    assert 'http_requests_total{method="other",route="/",status="405"}' in found
    assert 'http_requests_total{method="HEAD",route="/version",status="200"}' in found
    assert not any("wp-login" in name or "BREW" in name for name in found)


def test_without_a_key_anybody_may_where_a_setting_says_so(serve: Callable[..., Service]) -> None:
    service = serve(api_key="", api_key_required=False)
    assert service.client.get("/load/cpu", headers={"x-api-key": ""}).status_code == 200
    service.terminate()
    assert any("anybody" in line["message"] for line in service.end())


def test_the_log_is_json_without_probes_and_without_the_key(serve: Callable[..., Service]) -> None:
    service = serve()
    service.post("/load/memory", seconds=1, mebibytes=1)
    service.status("/health")
    service.terminate()
    log = service.end()
    (request,) = (line for line in log if line["message"] == "request")
    assert (request["method"], request["path"], request["status"]) == ("POST", "/load/memory", 201)
    assert {"time", "level", "logger"} <= request.keys()
    assert "tests alone" not in str(log)
