"""The process that holds a cluster together: starts its parts, keeps them running, ends them."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import yaml

from common.errors import CannotRunError, FleetError
from common.kubernetes.api import Cluster
from sandbox import files
from sandbox.account import process as accounts
from sandbox.account.clients import client, session
from sandbox.account.isolation import isolated
from sandbox.account.process import LOOPBACK
from sandbox.cluster import charts, control_plane, git_host, kubelet, pki, processes, programs, webhook
from sandbox.cluster.mirror import Eks, Mirror
from sandbox.cluster.proxy import Proxy
from sandbox.cluster.serving import Server
from sandbox.cluster.token_review import Expected
from tools import build
from tools.catalogue import KUBECTL

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sandbox.account.process import Account
    from sandbox.cluster.control_plane import Service
    from sandbox.cluster.layout import Layout, Ports
    from sandbox.cluster.token_review import Signer

READY_DEADLINE = 90.0
"""Seconds until a part of the control plane says that it is ready."""

PAUSE, MIRROR_PAUSE = 0.3, 2.0
"""Seconds between two looks of a loop, and of the one that asks the account for all that it has of the cluster."""

PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")

MAY_PASS = (FleetError, OSError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)
"""What a loop fails with while a part, the account or the cluster is away."""


@dataclass(frozen=True)
class Parts:
    """What a supervisor is made of, found or built before it starts."""

    binaries: control_plane.Binaries
    programs: programs.Programs
    kubectl: Path


def parts(say: build.Say) -> Parts:
    """Find or build all programs. Raises FleetError."""
    return Parts(control_plane.binaries(say), programs.find(say), build.find(KUBECTL, say))


class Supervisor:
    """Runs one cluster of the account."""

    def __init__(self, layout: Layout, ports: Ports, account: Account, name: str, parts: Parts) -> None:
        self._layout = layout
        self._ports = ports
        self._account = account
        self._eks = Eks(account, name)
        self._parts = parts
        self._stop = threading.Event()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._undo = ExitStack()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start everything; when it returns, the API server answers.

        Raises:
            FleetError: the account has no such cluster, a port is taken, or a part does not get ready.
        """
        described = self._eks.describe()
        if described is None:
            raise CannotRunError(f"the account has no cluster {self._eks.name}: run `fleet sandbox up` first")
        self._renew(described)
        certificate = pki.issue(
            pki.authority(self._layout), "sandbox", hosts=[LOOPBACK, "localhost", *charts.HOSTS]
        ).write(self._layout.live / "pki", "servers")
        reviewer = self._server(self._webhook(), certificate)
        self._server(git_host.GitHost(self._layout), certificate, self._ports.git)
        chart_hosts = self._server(charts.ChartHosts(self._layout.charts), certificate)
        proxy = Proxy(dict.fromkeys(charts.HOSTS, chart_hosts), partial(self._log, "proxy"))
        self._undo.callback(proxy.close)
        plan = control_plane.Plan(
            layout=self._layout,
            ports=self._ports,
            binaries=self._parts.binaries,
            issuer=described["identity"]["oidc"]["issuer"],
            service_cidr=described["kubernetesNetworkConfig"]["serviceIpv4Cidr"],
            webhook=f"https://{LOOPBACK}:{reviewer}{webhook.PATH}",
        )
        self._undo.callback(self._end_children)
        services = control_plane.prepare(plan)
        for service in services:
            self._run(service)
        cluster = Cluster(yaml.safe_load(self._layout.kubeconfig.read_text()))
        containers = kubelet.Kubelet(
            layout=self._layout,
            ports=self._ports,
            cluster=cluster,
            programs=self._parts.programs,
            kubectl=self._parts.kubectl,
            environment=self._environment(proxy.port),
            has_image=self._has_image,
            log=partial(self._log, "kubelet"),
        )
        self._undo.callback(containers.close)
        mirror = Mirror(self._eks, cluster, partial(self._log, "mirror"))
        mirror.step()
        self._loop("mirror", mirror.step, MIRROR_PAUSE)
        self._loop("pods", containers.follow, endless=True)
        self._loop("kubelet", containers.step)
        self._loop("services", partial(self._keep, services))

    def wait(self) -> None:
        """Until the cluster is gone from the account, or it is told to stop."""
        gone = 0
        while not self._stop.wait(1.0):
            try:
                gone = gone + 1 if self._eks.describe() is None else 0
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                continue  # unknown is not gone
            if gone > 1:
                self._log("supervisor", f"the account has no cluster {self._eks.name} any more")
                return

    def stop(self) -> None:
        """Tell `wait` to end."""
        self._stop.set()

    def close(self) -> None:
        """End everything that was started."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._undo.close()

    def _renew(self, described: Mapping[str, Any]) -> None:
        """Forget what an earlier cluster left: EKS's is empty."""
        born = f"{described['arn']} {described['createdAt'].isoformat()} {self._account.started}"
        if not self._layout.born_file.exists() or self._layout.born_file.read_text() != born:
            forget(self._layout)
            files.write(self._layout.born_file, born)

    def _webhook(self) -> webhook.Webhook:
        sts = self._account.endpoint
        return webhook.Webhook(
            expected=Expected(self._eks.name, self._account.region, sts),
            account_id=self._account.account_id,
            account=webhook.Account(self._secret_of, self._caller, self._eks.entries),
            log=partial(self._log, "webhook"),
        )

    def _secret_of(self, access_key: str) -> tuple[str, str | None] | None:
        url = f"{self._account.endpoint}{accounts.CREDENTIALS_PATH}{access_key}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 the account's own endpoint
            found = json.load(answer)
        return (found["secret"], found["session_token"]) if found else None

    def _caller(self, signer: Signer) -> str:
        sts: Any = session().create_client(
            "sts",
            region_name=self._account.region,
            endpoint_url=self._account.endpoint,
            aws_access_key_id=signer.access_key,
            aws_secret_access_key=signer.secret_key,
            aws_session_token=signer.session_token,
        )
        return sts.get_caller_identity()["Arn"]

    def _has_image(self, repository: str, tag: str) -> bool:
        ecr = client("ecr", endpoint=self._account.endpoint, region=self._account.region)
        try:
            found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except ecr.exceptions.RepositoryNotFoundException:
            return False
        return bool(found["images"])

    def _environment(self, proxy: int) -> dict[str, str]:
        """Of every container: nothing of the user's, the account, and the one way to other hosts."""
        base = isolated(_passed())
        web = f"http://{LOOPBACK}:{proxy}"
        account = accounts.environment(self._account)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del account[name]  # a pod's come from its role
        return {
            **base,
            **account,
            "HTTPS_PROXY": web,
            "HTTP_PROXY": web,
            "SSL_CERT_FILE": str(self._layout.authority),
            processes.MARK: str(self._layout.root),
        }

    def _server(self, application: Any, certificate: tuple[Path, Path], port: int = 0) -> int:
        server = Server(application, certificate, port)
        self._undo.callback(server.close)
        return server.port

    def _run(self, service: Service) -> None:
        """Start a service, and wait until it says that it is ready."""
        if (self._layout.stopped / service.name).exists():
            return
        child = processes.start(self._layout, service.name, service.command, _passed())
        self._children[service.name] = child
        if service.ready is None:
            return
        deadline = time.monotonic() + READY_DEADLINE
        while not self._answers(service.ready):
            if child.poll() is not None or time.monotonic() > deadline:
                said = f"ended with exit code {child.returncode}" if child.returncode is not None else "is not ready"
                lines = "\n".join(processes.tail(self._layout.log(service.name)))
                raise FleetError(f"{service.name} {said}; the end of {self._layout.log(service.name)}:\n{lines}")
            time.sleep(0.1)

    def _answers(self, url: str) -> bool:
        context = ssl.create_default_context(cafile=str(self._layout.authority))
        try:
            with urllib.request.urlopen(url, timeout=2, context=context if url.startswith("https") else None):  # noqa: S310
                return True
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False

    def _keep(self, services: list[Service]) -> None:
        """Start again what ended, and end what a person stopped by name."""
        for service in services:
            child = self._children.get(service.name)
            stopped = (self._layout.stopped / service.name).exists()
            if stopped and child and child.poll() is None:
                processes.finish(child)
            elif not stopped and (child is None or child.poll() is not None):
                self._log("supervisor", f"{service.name} is started again")
                time.sleep(PAUSE)
                self._run(service)

    def _end_children(self) -> None:
        """The API server's clients first, etcd last."""
        for child in reversed(self._children.values()):
            processes.finish(child)

    def _loop(self, name: str, step: Callable[[], None], pause: float = PAUSE, *, endless: bool = False) -> None:
        """Do something again and again; what fails is logged, once until it fails otherwise, and done again.

        An error in our own code ends everything: half a cluster would mislead. Nobody waits for the end of a step that
        is `endless`: it ends with the API server.
        """

        def run() -> None:
            said = ""
            while not self._stop.wait(pause):
                try:
                    step()
                    said = ""
                except MAY_PASS as error:
                    if str(error) != said:
                        self._log(name, f"failed, and is tried again: {error}")
                    said = str(error)

        def guarded() -> None:
            try:
                run()
            finally:
                self._stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        if not endless:
            self._threads.append(thread)
        thread.start()

    def _log(self, component: str, line: str) -> None:
        self._layout.logs.mkdir(parents=True, exist_ok=True)
        with self._layout.log(component).open("a") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {line}\n")


def forget(layout: Layout) -> None:
    """Remove what dies with a cluster."""
    for path in (layout.live, layout.logs, layout.stopped):
        shutil.rmtree(path, ignore_errors=True)
    for path in (layout.live, layout.logs, layout.stopped):
        path.mkdir(parents=True)
    layout.live.chmod(0o700)


def _passed() -> dict[str, str]:
    """What of our environment the parts get: no proxy, no credentials, no kubeconfig of the user."""
    return {name: value for name, value in os.environ.items() if name in PASSED}
