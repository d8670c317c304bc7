"""A kubelet whose containers are processes: pods of the controllers that run here, and the pull of images from ECR.

All other pods are kwok's. It writes what a kubelet writes: the status of these pods, and their removal.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from common.errors import FleetError
from common.kubernetes import objects
from common.kubernetes.api import POD, Kind
from sandbox.account.process import LOOPBACK
from sandbox.cluster import control_plane, pki, processes, programs
from sandbox.cluster.layout import free_ports
from sandbox.folder import CODE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from common.kubernetes.api import Cluster, Manifest
    from sandbox.cluster.layout import Layout, Ports
    from sandbox.cluster.programs import Program, Programs

MANAGER = "kubelet"
LIFE_OF_TOKENS = "24h"
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
BACK_OFF = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a container that ended is started again."""

PROBE_TIMEOUT = 2.0
AGAIN = 2.0
"""Seconds after which a probe that was answered is made again, and a missing image looked for."""

GRACE = 15.0
"""Seconds that a pod's process has to end: helm-controller first records the action that it leaves undone."""


@dataclass
class Running:
    """A container that runs as a process."""

    program: Program
    health: int
    """Port of its probes."""
    child: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    since: float = 0.0
    """When it was started, or ended, on the monotonic clock."""
    ready: bool = False
    probed: float = 0.0
    """When it last answered, on the monotonic clock."""
    said: str = ""
    """The status that was written last."""


@dataclass(frozen=True)
class Judged:
    """What was said of a pod's images, and when on the monotonic clock."""

    missing: tuple[str, ...]
    at: float


@dataclass
class Kubelet:
    """Runs the pods of `programs` and judges images of ECR."""

    layout: Layout
    ports: Ports
    cluster: Cluster
    programs: Programs
    kubectl: Path
    environment: Mapping[str, str]
    """Of every container: the account, the way to chart hosts, the CA."""
    has_image: Callable[[str, str], bool]
    """Whether the account's ECR has a repository's tag."""
    log: Callable[[str], None]
    pods: dict[str, Manifest] = field(default_factory=dict[str, "Manifest"])
    """As the API server has said so far, by uid."""
    running: dict[str, Running] = field(default_factory=dict[str, Running])
    """By the pod's uid."""
    images: dict[str, Judged] = field(default_factory=dict[str, "Judged"])
    """Of pods with images of ECR, by uid."""

    def follow(self) -> None:
        """Take in what becomes of pods, for as long as the API server answers."""
        for pods in self.cluster.follow(POD):
            self.pods = pods

    def step(self) -> None:
        """Look at every pod once."""
        pods = {uid: pod for uid, pod in self.pods.items() if pod["spec"].get("nodeName")}
        for uid in [uid for uid in self.running if uid not in pods]:
            self._end(uid)
        for uid, pod in pods.items():
            program = self._program(pod)
            if program:
                self._run(uid, pod, program)
            elif re.match(programs.ECR, pod["spec"]["containers"][0]["image"]):
                self._pull(uid, pod)

    def close(self) -> None:
        """End all processes."""
        for uid in list(self.running):
            self._end(uid)

    def _program(self, pod: Manifest) -> Program | None:
        image = pod["spec"]["containers"][0]["image"]
        if not re.search(programs.OURS, image):
            return None
        storage = self.layout.live / "storage"
        return programs.of_image(image, self.programs, storage=storage, storage_port=self.ports.storage)

    def _run(self, uid: str, pod: Manifest, program: Program) -> None:
        if pod["metadata"].get("deletionTimestamp"):
            self._end(uid)
            self.cluster.delete(POD, pod["metadata"]["name"], pod["metadata"]["namespace"], grace_period=0)
            return
        running = self.running.setdefault(uid, Running(program, free_ports(1)[0]))
        if (self.layout.stopped / program.name).exists():
            if running.child:
                processes.finish(running.child, GRACE)
                running.child = None
            self._say(pod, running, "Stopped", "stopped by name: fleet sandbox cluster start")
            return
        if running.child and running.child.poll() is not None:
            self.log(f"{program.name} ended with {running.child.returncode}")
            running.child, running.since, running.ready = None, time.monotonic(), False
            running.restarts += 1
        if running.child is None:
            delay = BACK_OFF[min(running.restarts, len(BACK_OFF) - 1)]
            if time.monotonic() < running.since + delay:
                self._say(pod, running, "CrashLoopBackOff", f"see {self.layout.log(program.name)}")
                return
            running.child, running.since = self._start(pod, program, running.health), time.monotonic()
        if not running.ready or time.monotonic() > running.probed + AGAIN:
            running.ready, running.probed = _answers(pod, running), time.monotonic()
        self._say(pod, running)

    def _start(self, pod: Manifest, program: Program, health: int) -> subprocess.Popen[bytes]:
        container = pod["spec"]["containers"][0]
        namespace = pod["metadata"]["namespace"]
        folder = self.layout.live / "pods" / pod["metadata"]["uid"]
        folder.mkdir(parents=True, exist_ok=True)
        changed = {**program.changed, program.health_flag: f"{LOOPBACK}:{health}"}
        changed = {flag: value for flag, value in changed.items() if value}
        values = self._variables(container, pod)
        given = [_expand(argument, values) for argument in container.get("args") or ()]
        environment = {
            **self.environment,
            **values,
            **self._identity(pod, folder),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PYTHONPATH": str(CODE),
        }
        self.log(f"{program.name} is started in place of {namespace}/{pod['metadata']['name']}")
        (self.layout.live / "storage").mkdir(exist_ok=True)
        command = [*program.command, *programs.arguments(given, changed)]
        return processes.start(self.layout, program.name, command, environment, cwd=folder)

    def _identity(self, pod: Manifest, folder: Path) -> dict[str, str]:
        """The pod's own access: a kubeconfig with its ServiceAccount's token, and its IAM role if it has one (IRSA)."""
        account, namespace = pod["spec"].get("serviceAccountName", "default"), pod["metadata"]["namespace"]
        token = folder / "token"
        pki.write_private(token, self._token(account, namespace).encode())
        kubeconfig = folder / "kubeconfig"
        config = control_plane.kubeconfig(self.ports, self.layout, {"tokenFile": str(token)})
        pki.write_private(kubeconfig, yaml.safe_dump(config).encode())
        found = self.cluster.get(SERVICE_ACCOUNT, account, namespace) or {}
        role = found.get("metadata", {}).get("annotations", {}).get(ROLE_ANNOTATION)
        if not role:
            return {"KUBECONFIG": str(kubeconfig)}
        web = folder / "aws-token"
        pki.write_private(web, self._token(account, namespace, "--audience=sts.amazonaws.com").encode())
        return {"KUBECONFIG": str(kubeconfig), "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(web)}

    def _token(self, account: str, namespace: str, *more: str) -> str:
        done = subprocess.run(  # noqa: S603 our own arguments
            [
                *(self.kubectl, f"--kubeconfig={self.layout.kubeconfig}", f"--namespace={namespace}"),
                *("create", "token", account, f"--duration={LIFE_OF_TOKENS}", *more),
            ],
            env={"HOME": str(self.layout.live), "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise FleetError(f"no token for {namespace}/{account}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _variables(self, container: Manifest, pod: Manifest) -> dict[str, str]:
        values: dict[str, str] = {}
        for each in objects.mappings(container, "env"):
            if objects.text(each, "valueFrom", "fieldRef", "fieldPath") == "metadata.namespace":
                values[each["name"]] = pod["metadata"]["namespace"]
            elif "valueFrom" not in each:
                values[each["name"]] = objects.text(each, "value")
        return values

    def _say(self, pod: Manifest, running: Running, waiting: str = "", message: str = "") -> None:
        """Write the pod's status if it is another than before, or not what we said: a lost node's pods are unready."""
        ready = running.ready and not waiting
        said = f"{ready} {waiting} {running.restarts} {running.since}"
        if said != running.said or objects.condition(pod, "Ready").get("status") != str(ready):
            self.cluster.merge_status(POD, _status(pod, ready, running.restarts, waiting, message), MANAGER)
            running.said = said

    def _end(self, uid: str) -> None:
        running = self.running.pop(uid)
        if running.child:
            processes.finish(running.child, GRACE)

    def _pull(self, uid: str, pod: Manifest) -> None:
        """Judge the images of a pod that kwok leaves alone."""
        if pod["metadata"].get("deletionTimestamp"):
            self.cluster.delete(POD, pod["metadata"]["name"], pod["metadata"]["namespace"], grace_period=0)
            return
        before = self.images.get(uid)
        if before and (not before.missing or time.monotonic() < before.at + AGAIN):
            return  # what was pulled stays
        images = [each["image"] for each in pod["spec"]["containers"]]
        missing = tuple(each for each in images if not self._is_there(each))
        judged = Judged(missing, time.monotonic())
        if before and before.missing == missing:
            self.images[uid] = judged
            return
        message = f'Back-off pulling image "{missing[0]}": not found' if missing else ""
        waiting = "ImagePullBackOff" if missing else ""
        self.cluster.merge_status(POD, _status(pod, not missing, 0, waiting, message), MANAGER)
        self.images[uid] = judged

    def _is_there(self, image: str) -> bool:
        found = re.fullmatch(rf"{programs.ECR}(?P<repository>[^:@]+):(?P<tag>[^:@]+)", image)
        return bool(found) and self.has_image(found["repository"], found["tag"])


def _answers(pod: Manifest, running: Running) -> bool:
    """The readiness probe of a pod's container, on the process."""
    probe = pod["spec"]["containers"][0].get("readinessProbe", {}).get("httpGet", {})
    port = running.program.ports.get(str(probe.get("port")), running.health)
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PROBE_TIMEOUT)
    try:
        connection.request("GET", probe.get("path", "/readyz"))
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _status(pod: Manifest, ready: bool, restarts: int, waiting: str, message: str) -> Manifest:  # noqa: FBT001
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = [each for each in pod.get("status", {}).get("conditions", ()) if each["type"] == "PodScheduled"]
    truth = {"Initialized": True, "ContainersReady": ready, "Ready": ready}
    conditions = [{"type": kind, "status": str(value), "lastTransitionTime": now} for kind, value in truth.items()]
    state: dict[str, Any] = (
        {"waiting": {"reason": waiting, "message": message}} if waiting else {"running": {"startedAt": now}}
    )
    containers = [
        {
            "name": each["name"],
            "image": each["image"],
            "imageID": "",
            "ready": ready,
            "started": not waiting,
            "restartCount": restarts,
            "state": state,
        }
        for each in pod["spec"]["containers"]
    ]
    address = _address(pod["metadata"]["uid"])
    return {
        "metadata": {key: pod["metadata"][key] for key in ("name", "namespace")},
        "status": {
            "phase": "Pending" if waiting and waiting != "CrashLoopBackOff" else "Running",
            "conditions": [*before, *conditions],
            "containerStatuses": containers,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": pod.get("status", {}).get("startTime") or now,
        },
    }


def _address(uid: str) -> str:
    """An address of the range that is shared by all (RFC 6598), where no process listens."""
    digest = hashlib.sha256(uid.encode()).digest()
    return f"100.64.{digest[0]}.{1 + digest[1] % 254}"


def _expand(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` in an argument, as Kubernetes expands it."""
    return re.sub(r"\$\((\w+)\)", lambda match: values.get(match[1], match[0]), text)
