"""What the service answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service import Service, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def idle(service: Service) -> None:
    """Each test begins without jobs."""
    for kind in ("cpu", "memory"):
        service.client.delete(f"/load/{kind}")


def samples(service: Service) -> dict[str, float]:
    """What /metrics says, by name and labels."""
    lines = service.client.get("/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_it_says_what_it_is_and_what_it_may_do(service: Service) -> None:
    info = service.client.get("/").json()
    assert info["name"] == "load-harness"
    assert info["version"] == service.client.get("/version").json()["version"] == "v1.2.3"
    assert info["limits"] == {"cpu_workers": 3, "memory_mebibytes": 64, "seconds": 120}


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/version", "/metrics"])
def test_what_makes_no_load_needs_no_key(service: Service, path: str) -> None:
    assert service.status(path) == 200


@pytest.mark.parametrize("kind", ["cpu", "memory"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("key", ["", "a key for the tests alon", "a key for the tests alone.", "clé"])
def test_load_needs_the_key(service: Service, kind: str, method: str, key: str) -> None:
    answer = service.client.request(method, f"/load/{kind}", headers={b"x-api-key": key.encode()}, json={"seconds": 60})
    assert answer.status_code == 401
    assert "X-API-Key" in answer.json()["detail"]
    assert service.children() == []


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

    def resident() -> int:
        return int(Path(f"/proc/{child}/statm").read_text().split()[1]) * 4096

    until(lambda: resident() >= 48 * 1024 * 1024, "48 MiB resident")
    assert samples(service)["load_harness_memory_bytes"] == 48 * 1024 * 1024


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
        ("memory", {"mebibytes": 65}, "mebibytes is 65: at most 64"),
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
    assert answer.json()["detail"] == "2 workers are asked for, 1 of 3 are free: stop a job, or wait"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert service.post("/load/cpu", workers=1).status_code == 201
    assert len(service.children()) == 3
    assert len(service.client.delete("/load/cpu").json()) == 2


@pytest.mark.parametrize(
    ("content", "code"), [(b"x" * 4097, 413), (iter([b"{}"]), 411), (b"not JSON", 422), (b"[]", 422)]
)
def test_a_body_that_is_no_job_is_refused(service: Service, content: bytes | Iterator[bytes], code: int) -> None:
    assert service.client.post("/load/cpu", content=content).status_code == code


def test_requests_are_counted_by_route_and_never_by_a_strangers_path(service: Service) -> None:
    service.client.get("/load/cpu/0a1b2c")
    service.client.get("/wp-login.php")
    service.client.request("BREW", "/")
    found = {name for name in samples(service) if name.startswith("http_requests_total")}
    assert 'http_requests_total{method="GET",route="/load/cpu/{job_id}",status="404"}' in found
    assert 'http_requests_total{method="GET",route="none",status="404"}' in found
    assert 'http_requests_total{method="other",route="/",status="405"}' in found
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
