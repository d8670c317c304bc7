"""The image of load-harness: its Dockerfile, and that what it says starts as Kubernetes would start it."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra.contract import versions
from tests.support.checkout import REPOSITORY
from tests.support.image import Dockerfile, Installed
from tests.workflows.test_workflows import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION = REPOSITORY / "applications" / "load-harness"
DOCKERFILE = Dockerfile(APPLICATION / "Dockerfile")
MANIFESTS = REPOSITORY / "k8s" / "applications" / "load-harness"
KEY = secrets.token_urlsafe(32)
LONGEST = 60.0
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


@cache
def pod() -> dict[str, Any]:
    return yaml.safe_load((MANIFESTS / "deployment.yaml").read_text())["spec"]["template"]["spec"]


def container() -> dict[str, Any]:
    (found,) = pod()["containers"]
    return found


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    folder = Path(tempfile.mkdtemp(prefix="image-"))  # pytest's own are closed to other users
    try:
        folder.chmod(0o755)
        yield Installed(DOCKERFILE, folder / "root")
    finally:
        for path in folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


def get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {}
    except OSError:
        return 0, {}


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = REPOSITORY / ".venv" / "bin" / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE.path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_say_it(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python:latest\nRUN cd /tmp && pip install flask\n")
    done = subprocess.run([REPOSITORY / ".venv" / "bin" / "hadolint", bad], capture_output=True, text=True)
    assert done.returncode == 1
    assert "DL3007" in done.stdout


def test_both_stages_are_one_pinned_python() -> None:
    bases = {stage[0][1].partition(" AS ")[0] for stage in DOCKERFILE.stages}
    (base,) = bases
    assert re.fullmatch(rf"python:{re.escape(versions.PYTHON)}\.\d+-slim-\w+(@sha256:[0-9a-f]{{64}})?", base)
    assert len(DOCKERFILE.stages) == 2


def test_port_user_version_and_probe_are_those_of_the_manifests() -> None:
    ports = {port["name"]: str(port["containerPort"]) for port in container()["ports"]}
    variables = {each["name"]: each.get("value") for each in container()["env"]}
    for given in (variables, DOCKERFILE.environment):
        assert {"http": given["PORT"], "metrics": given["METRICS_PORT"]} == ports
    assert DOCKERFILE.one("EXPOSE").split() == [*ports.values()]
    context = pod()["securityContext"]
    assert DOCKERFILE.one("USER") == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert DOCKERFILE.one("ARG").partition("=")[0] == "APP_VERSION"
    assert DOCKERFILE.environment["APP_VERSION"] == "${APP_VERSION}"
    probe, liveness = DOCKERFILE.one("HEALTHCHECK"), container()["livenessProbe"]
    assert f"--interval={liveness['periodSeconds']}s" in probe
    assert f"--timeout={liveness['timeoutSeconds']}s" in probe
    assert f"--retries={liveness['failureThreshold']}" in probe
    assert f'"{liveness["httpGet"]["path"]}"' in (APPLICATION / "load_harness" / "probe.py").read_text()


def test_the_manifests_overwrite_no_command_of_the_image() -> None:
    assert not {"command", "args", "workingDir"} & container().keys()


def default(name: str) -> int:
    """A setting of the service: no variable of the pod says otherwise."""
    assert name.upper() not in {each["name"] for each in container()["env"]}
    source = (APPLICATION / "load_harness" / "settings.py").read_text()
    (value,) = re.findall(rf"^    {name}: .* = (\d+)$", source, re.MULTILINE)
    return int(value)


def attribute(annotation: str, name: str) -> int:
    """A number in an annotation of the Ingress."""
    ingress = yaml.safe_load((MANIFESTS / "ingress.yaml").read_text())
    attributes = ingress["metadata"]["annotations"][f"alb.ingress.kubernetes.io/{annotation}"].split(",")
    return int(dict(each.split("=") for each in attributes)[name])


def test_what_the_service_may_take_to_end_fits_the_pods_grace_period() -> None:
    before = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    stop_of_a_job = 4  # SIGTERM, 2 s, SIGKILL
    service = default("drain_seconds") + default("shutdown_seconds") + stop_of_a_job
    assert before + service < pod()["terminationGracePeriodSeconds"]


def test_the_load_balancer_gives_up_before_the_service_does_and_after_its_longest_answer() -> None:
    """Of an idle connection and of one whose answer is late; a pod that goes answers what it was asked."""
    idle = attribute("load-balancer-attributes", "idle_timeout.timeout_seconds")
    assert default("max_delay_seconds") < idle < default("keep_alive_seconds")
    assert default("body_seconds") < idle
    draining = attribute("target-group-attributes", "deregistration_delay.timeout_seconds")
    assert default("max_delay_seconds") <= draining


def test_the_largest_load_fits_the_pods_limits() -> None:
    """The service's own 128 MiB, and that no process takes more than it is counted with, are measured in its tests."""
    (interpreter,) = re.findall(r"^INTERPRETER = (\d+)$", (APPLICATION / "load_harness" / "jobs.py").read_text(), re.M)
    (limit,) = re.findall(r"(\d)Gi", container()["resources"]["limits"]["memory"])
    load = default("max_memory_mebibytes") + default("max_cpu_workers") * int(interpreter)
    assert load + 128 <= int(limit) * 1024


def test_a_build_gets_what_it_copies_and_nothing_else() -> None:
    context = DOCKERFILE.context
    copied = [argument.split()[0] for argument in DOCKERFILE.all("COPY", stage=0)]
    assert {name.partition("/")[0] for name in context} == set(copied)
    assert not any("__pycache__" in name or name.startswith("tests") for name in context)


def test_nobody_but_root_can_write_to_what_is_installed(installed: Installed) -> None:
    write = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()"
    for folder in (installed.root / "app", installed.root / "app" / "load_harness"):
        child = installed.popen(["python", "-c", write, str(folder / "new")], {})
        out, _ = child.communicate(timeout=LONGEST)
        assert "Permission denied" in out


def test_it_starts_as_kubernetes_starts_it(installed: Installed) -> None:
    with socket.socket() as free, socket.socket() as other:
        for each in (free, other):
            each.bind(("127.0.0.1", 0))
        port, metrics = free.getsockname()[1], other.getsockname()[1]
    variables = {
        "PORT": str(port),
        "METRICS_PORT": str(metrics),
        "API_KEY": KEY,
        "APP_VERSION": "v1.2.3",
        "ENVIRONMENT": "staging",
    }
    service = installed.popen(json.loads(DOCKERFILE.one("CMD")), variables)
    try:
        for name in PROBES:
            asked = container()[name]["httpGet"]
            assert asked["port"] == "http"
            deadline = time.monotonic() + LONGEST
            while get(port, asked["path"])[0] != 200:
                assert service.poll() is None, service.communicate()[0]
                assert time.monotonic() < deadline, f"{name} never succeeds"
                time.sleep(0.1)
        assert get(port, "/version")[1]["version"] == "v1.2.3"
        assert get(port, "/")[1]["environment"] == "staging"
        health = DOCKERFILE.one("HEALTHCHECK").partition("CMD ")[2]
        check = installed.popen(json.loads(health), {"PORT": str(port)})
        assert check.wait(LONGEST) == 0
        service.send_signal(signal.SIGTERM)
        assert service.wait(LONGEST) == 0
    finally:
        service.kill()
        service.wait()


def test_the_image_has_no_package_of_the_tests(installed: Installed) -> None:
    listing = "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"
    out, _ = installed.popen(["python", "-c", listing], {}).communicate(timeout=LONGEST)
    pinned = re.findall(r"^([\w.-]+)==", (APPLICATION / "requirements.txt").read_text(), re.MULTILINE)
    assert set(out.replace("_", "-").split()) <= {name.replace("_", "-") for name in pinned}
    assert "fastapi" in out.split()
    assert "pytest" not in out.split()


def test_the_dashboard_asks_for_metrics_that_the_service_has() -> None:
    expressions = " ".join(re.findall(r'"expr": "(.*)"', (MANIFESTS / "dashboard.json").read_text()))
    asked = {
        re.sub(r"_(total|bucket|sum|count)$", "", name)
        for name in re.findall(r"\b(?:http|load_harness)_\w+", expressions)
    }
    source = (APPLICATION / "load_harness" / "metrics.py").read_text()
    assert asked
    assert asked <= set(re.findall(r'"((?:http|load_harness)_\w+)"', source))
    assert {"load_harness_jobs", "load_harness_cpu_workers", "load_harness_memory_bytes", "load_harness_ready"} <= asked
    # Probes come every few seconds: they would hide what anybody else sees.
    source = (APPLICATION / "load_harness" / "observing.py").read_text()
    (probes,) = re.findall(r"^PROBES = frozenset\({(.*)}\)$", source, re.MULTILINE)
    requests = re.findall(r"\bhttp_request\w+{(.*?)}", expressions)
    assert requests
    for selector in requests:
        (skipped,) = re.findall(r'route!~\\"(.*?)\\"', selector)
        assert {*skipped.split("|")} == {"/metrics", *re.findall(r"[/\w]+", probes)}
        assert {*skipped.split("|")} >= {container()[name]["httpGet"]["path"] for name in PROBES}
    # With two server processes, each would have metrics and jobs of its own, and they would answer in turn.
    assert "workers" not in (APPLICATION / "load_harness" / "__main__.py").read_text()


def test_the_image_is_called_alike_everywhere() -> None:
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
    (image,) = kustomization["images"]
    assert image["newName"] == "${ECR_REGISTRY}/load-harness"
    assert container()["image"] == APPLICATION.name == image["name"]
    workflow = json.dumps(WORKFLOWS["load-harness.yml"])
    assert "/load-harness:${{ github.ref_name }}" in workflow
