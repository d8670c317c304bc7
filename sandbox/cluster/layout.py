"""The paths of a sandbox's cluster, and the ports that outlive it."""

from __future__ import annotations

import json
import random
import socket
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from sandbox import files
from sandbox.account.process import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.folder import Folder


@dataclass(frozen=True)
class Ports:
    """Ports that stand in what outlives a cluster: EKS's answers, gotk-sync.yaml, the URLs of artifacts."""

    api: int
    git: int
    storage: int
    admission: int
    """Where the stand-in of the load balancer controller answers the API server."""

    @property
    def api_server(self) -> str:
        """The endpoint of the API server."""
        return f"https://{LOOPBACK}:{self.api}"

    @property
    def git_host(self) -> str:
        """The Git host as `flux bootstrap github --hostname` takes it: Flux reads an address with a port as no host."""
        return f"localhost:{self.git}"


@dataclass(frozen=True)
class Layout:
    """What a cluster writes: all below one folder."""

    root: Path

    @classmethod
    def of(cls, folder: Folder) -> Layout:
        """The one of a sandbox folder."""
        return cls(folder.cluster)

    @property
    def authority(self) -> Path:
        """The throw-away CA's certificate, which API server, Git host and chart hosts show (PEM)."""
        return self.root / "ca.pem"

    @property
    def authority_key(self) -> Path:
        """Its key."""
        return self.root / "ca.key"

    @property
    def ports_file(self) -> Path:
        """`Ports` as JSON."""
        return self.root / "ports.json"

    @property
    def repositories(self) -> Path:
        """The Git host's bare repositories, OWNER/REPOSITORY.git."""
        return self.root / "repositories"

    @property
    def switches_file(self) -> Path:
        """What the Git host is told to do wrong (JSON)."""
        return self.root / "switches.json"

    @property
    def token_file(self) -> Path:
        """The token that the Git host takes."""
        return self.root / "git-token"

    @property
    def live(self) -> Path:
        """What dies with the cluster: etcd's data, certificates, kubeconfigs, storage."""
        return self.root / "live"

    @property
    def born_file(self) -> Path:
        """Which cluster of the account `live` belongs to: its ARN and creation time."""
        return self.live / "born"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's, by a client certificate: for the sandbox's own use."""
        return self.live / "admin.kubeconfig"

    @property
    def logs(self) -> Path:
        """One file a component."""
        return self.root / "logs"

    @property
    def stopped(self) -> Path:
        """A file in it for each component that a person stopped by name."""
        return self.root / "stopped"

    @property
    def stuck(self) -> Path:
        """A file in it for each stand-in that takes nothing down, because a person wants it so."""
        return self.root / "stuck"

    @property
    def charts(self) -> Path:
        """What the chart hosts serve: HOST/PATH."""
        return self.root / "charts"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.root / "supervisor.lock"

    @property
    def state_file(self) -> Path:
        """What the running supervisor says of itself (JSON)."""
        return self.root / "supervisor.json"

    def log(self, component: str) -> Path:
        """A component's log."""
        return self.logs / f"{component}.log"


def ports(layout: Layout) -> Ports:
    """The folder's ports, chosen when they are first asked for."""
    names = [each.name for each in fields(Ports)]
    known: dict[str, int] = json.loads(layout.ports_file.read_text()) if layout.ports_file.exists() else {}
    if known.keys() == set(names):
        return Ports(**known)
    chosen = Ports(**(dict(zip(names, free_ports(len(names)), strict=True)) | known))
    files.write(layout.ports_file, json.dumps(asdict(chosen)) + "\n")
    return chosen


PORTS = range(20_000, 32_768)
"""Below those that Linux and macOS give to outgoing connections, one of which could take a port before it is served."""


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now.

    Raises:
        CannotRunError: there are not so many.
    """
    sockets: list[socket.socket] = []
    for port in random.sample(PORTS, len(PORTS)):
        each = socket.socket()
        try:
            each.bind((LOOPBACK, port))
        except OSError:
            each.close()
            continue
        sockets.append(each)
        if len(sockets) == count:
            break
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    if len(found) < count:
        raise CannotRunError(f"of the ports {PORTS[0]} to {PORTS[-1]} of {LOOPBACK} only {len(found)} are free")
    return found
