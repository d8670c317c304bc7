"""Sandboxes with a cluster, for tests: commands as a person types them, and commits as a person makes them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from common.errors import FleetError
from common.kubernetes import api, objects
from common.kubernetes.api import Kind
from sandbox import rehearsal
from sandbox.account import process
from sandbox.account.clients import client
from sandbox.checkout import Checkout
from sandbox.cluster import flux, git_host, rehearsed_bootstrap
from sandbox.cluster.fleet_sandbox_cluster import git_environment
from sandbox.cluster.layout import Layout
from sandbox.folder import Folder
from tests.support.checkout import REPOSITORY
from tools import build
from tools.catalogue import KUBECTL

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from common.kubernetes.api import Cluster, Manifest
    from sandbox.account.process import Account

LONGEST, HANG = 300.0, 900.0
"""Seconds that a test waits for anything, and for a command: a hang is a failure, and no figure is judged by it."""

STACK = "staging"
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
DEADLINES = {"nodes": 300, "flux": 600, "verify": 600}
"""Seconds: shorter than those of a real cluster, and long enough for a slow machine."""


@dataclass
class Town:
    """A sandbox folder with a stack that is up, a cluster, and a clone of its Git host's repository."""

    folder: Folder
    clone: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def build(cls, root: Path) -> Town:
        """Build the stack and start its cluster."""
        town = cls(Folder(root / "sandbox"), root / "clone")
        town.up()
        return town

    def up(self) -> None:
        """`sandbox up`, then `sandbox cluster up`, as make cluster does."""
        self.sandbox("up")
        self.sandbox("cluster", "up")
        ready = rehearsal.prepare(self.folder, Checkout(REPOSITORY), lambda _line: None)
        self.environment = rehearsed_bootstrap.environment(
            self.layout, self.account, ready.environment, lambda _line: None
        )

    @property
    def layout(self) -> Layout:
        return Layout.of(self.folder)

    @property
    def account(self) -> Account:
        found = process.find(self.folder)
        assert found
        return found

    @property
    def cluster(self) -> Cluster:
        """As an administrator."""
        return flux.cluster(self.layout)

    @cached_property
    def kubectl_path(self) -> Path:
        return build.find(KUBECTL, lambda _line: None)

    def aws(self, service: str) -> Any:
        return client(service, endpoint=self.account.endpoint, region=self.account.region)

    def sandbox(self, *arguments: str, code: int = 0) -> str:
        """`fleet sandbox …`; gives all that it prints."""
        command = [
            sys.executable,
            "-m",
            "fleet",
            "sandbox",
            *arguments[:2],
            f"--folder={self.folder.root}",
            *arguments[2:],
        ]
        if arguments[0] != "cluster":
            command = [
                sys.executable,
                "-m",
                "fleet",
                "sandbox",
                arguments[0],
                f"--folder={self.folder.root}",
                *arguments[1:],
            ]
        done = subprocess.run(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=HANG
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def start_bootstrap(
        self,
        *arguments: str,
        settings: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        expect: bool = True,
    ) -> subprocess.Popen[str]:
        """`fleet bootstrap …`, with settings and environment variables over the sandbox's own.

        Without `expect`, the cluster is held to all that a real one is.
        """
        command = rehearsed_bootstrap.command(self.layout, Checkout(REPOSITORY), self.folder.project, arguments)
        command = [part for part in command if expect or not part.startswith("--expect=")]
        settings = {"deadlines": DEADLINES, **(settings or {})}
        if any(part.startswith("--settings=") for part in command):
            file = self.clone.parent / f"settings-{abs(hash(json.dumps(settings, sort_keys=True)))}.yaml"
            own = yaml.safe_load((self.layout.root / "bootstrap.yaml").read_text())
            file.write_text(yaml.safe_dump({**own, **settings}))
            command = [f"--settings={file}" if part.startswith("--settings=") else part for part in command]
        variables = {**self.environment, **(environment or {})}
        return subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={name: value for name, value in variables.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def bootstrap(self, *arguments: str, code: int = 0, **more: Any) -> Said:
        """The same, to its end."""
        child = self.start_bootstrap(*arguments, **more)
        out, err = child.communicate(timeout=HANG)
        assert child.returncode == code, out + err
        return Said(out, err)

    def kubectl(self, *arguments: str, code: int = 0, text: str = "") -> str:
        command = [self.kubectl_path, f"--kubeconfig={self.layout.kubeconfig}", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=HANG)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + (done.stderr if code else "")

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=a person", "-c", "user.email=person@example.com", *arguments],
            cwd=cwd or self.clone,
            env=git_environment(self.layout),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str | None], message: str = "Change something") -> str:
        """Write files (None removes one), commit and push to main; gives the commit."""
        if not self.clone.exists():
            self.git("clone", "--quiet", self.url, str(self.clone), cwd=self.clone.parent)
        self.git("pull", "--quiet", "--rebase", "origin", "main")
        for name, content in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    @property
    def url(self) -> str:
        settings = yaml.safe_load((self.layout.root / "bootstrap.yaml").read_text())
        return f"https://{settings['hostname']}/{settings['repository']}.git"

    @property
    def head(self) -> str:
        """The commit that main is at on the Git host."""
        return flux.head(self.layout)

    @contextmanager
    def without(self, component: str) -> Generator[None]:
        """A part of the cluster is stopped by name, for as long as the block runs."""
        self.sandbox("cluster", "stop", component)
        try:
            yield
        finally:
            self.sandbox("cluster", "start", component)

    def is_silent(self) -> bool:
        """Whether the API server does not answer."""
        try:
            self.cluster.list(api.NODE)
        except FleetError:
            return True
        return False

    def switch(self, **changes: object) -> None:
        """Tell the Git host what to do wrong."""
        git_host.switch(self.layout, changes)

    def reconcile(self, kind: Kind, name: str, namespace: str = "flux-system") -> None:
        """Ask a controller to look now, as `flux reconcile` does."""
        flux.reconcile(self.cluster, kind, name, namespace)

    def sync(self) -> None:
        """Ask Flux to fetch and apply now."""
        flux.sync(self.cluster, self.layout, LONGEST)

    def ready(self, kind: Kind, name: str, namespace: str = "flux-system") -> str:
        """What an object's condition Ready says; its revision if it is ready and has one."""
        return flux.ready(self.cluster, kind, name, namespace)

    def until(self, probe: Callable[[], Any], longest: float = LONGEST) -> Any:
        """What a probe gives, once it gives anything."""
        try:
            return flux.until("what the test waits for", probe, longest)
        except FleetError as error:
            raise AssertionError(str(error)) from None

    def empty(self) -> None:
        """A cluster with nothing in it, of the same stack."""
        self.sandbox("cluster", "down")
        shutil.rmtree(self.layout.live)
        self.sandbox("cluster", "up")

    def close(self) -> None:
        rehearsal.reset(self.folder)


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def last(self) -> str:
        """The line that a person is left with."""
        return self.err.strip().splitlines()[-1]


def everything(cluster: Cluster) -> dict[str, Manifest]:
    """All objects that Flux and the bootstrap are responsible for, without what differs from one life to the next."""
    kinds = (
        *(api.CONFIG_MAP, api.SECRET, api.SERVICE, api.DEPLOYMENT, api.INGRESS, api.NAMESPACE),
        *(api.GIT_REPOSITORY, api.HELM_REPOSITORY, api.HELM_CHART, api.KUSTOMIZATION, api.HELM_RELEASE),
        *(api.IMAGE_REPOSITORY, api.IMAGE_POLICY, api.IMAGE_UPDATE_AUTOMATION, api.CUSTOM_RESOURCE_DEFINITION),
    )
    found: dict[str, Manifest] = {}
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in cluster.list(AUTOSCALER)}
    for kind in kinds:
        for thing in cluster.list(kind):
            metadata = thing["metadata"]
            if thing.get("type") == "helm.sh/release.v1" or metadata["name"] == "kube-root-ca.crt":
                continue  # Helm's records have times in them; the other comes with each namespace, a little later
            kept = {key: metadata[key] for key in ("name", "namespace", "labels", "finalizers") if metadata.get(key)}
            body = {
                key: value for key, value in thing.items() if key not in ("metadata", "status", "apiVersion", "kind")
            }
            for fleeting in ("clusterIP", "clusterIPs", *(("replicas",) if metadata["name"] in scaled else ())):
                objects.mapping(body, "spec").pop(fleeting, None)
            found[f"{kind.kind} {objects.name_of(thing)}"] = {"metadata": kept, **body}
    return found
