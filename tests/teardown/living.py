"""A stack whose cluster lives: its project's folder, its state, an account of its own, and an API server."""

from __future__ import annotations

import base64
import json
import stat
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from common.aws import READS
from common.world import SANDBOX_VARIABLE
from fleet.app import main
from sandbox.account import faults, leftovers, process
from sandbox.account.leftovers import Maker, Place
from sandbox.cluster import pki
from sandbox.cluster.layout import Layout
from sandbox.cluster.serving import Server
from sandbox.folder import Folder
from tests.sandbox.account.aws import Aws as Clients
from tests.support.account import ACCOUNT_ID, REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    import pytest

    from sandbox.account.faults import Rule

CLUSTER = "staging"
BUCKET = "state-of-staging"
STATE = ".pulumi/stacks/infra-fleet/staging.json"

PULUMI = """#!{python}
import json, pathlib, sys
here = pathlib.Path({here!r})
with (here / "pulumi.jsonl").open("a") as record:
    record.write(json.dumps(sys.argv[1:]) + "\\n")
state = here / "state.json"
if "export" in sys.argv:
    print(state.read_text())
if "destroy" in sys.argv:
    state.write_text(json.dumps({{"version": 3, "deployment": {{}}}}))
"""


class ApiServer:
    """Objects by plural, as the API has them, and a record of what was asked of them."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[tuple[str, str]] = []
        self.fails: dict[str, int] = {}
        """Plural → the status that a list of it gets."""

    def clear(self) -> None:
        self.objects, self.requests, self.fails = {}, [], {}

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [each for each in self.requests if each[0] != "GET"]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append((method, path))
        code, answer = self._answer(method, path)
        body = json.dumps(answer).encode()
        start_response(f"{code} x", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/api/v1/namespaces/kube-system":
            return 200, {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system"}}
        parts = path.strip("/").split("/")[2 if path.startswith("/api/") else 3 :]
        place = parts.pop(0) and parts.pop(0) if parts[0] == "namespaces" and len(parts) > 2 else None
        plural, name = parts[0], parts[1] if len(parts) > 1 else ""
        every = self.objects.get(plural, [])
        if not name:
            if plural in self.fails:
                return self.fails[plural], {
                    "kind": "Status",
                    "code": self.fails[plural],
                    "message": "no",
                    "metadata": {},
                }
            return 200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": every}
        found = [one for one in every if one["metadata"]["name"] == name]
        if place:
            found = [one for one in found if one["metadata"].get("namespace") == place]
        if method == "DELETE":
            self.objects[plural] = [one for one in every if one not in found]
        return (200, found[0]) if found else (404, {"kind": "Status", "code": 404, "message": "no", "metadata": {}})


@dataclass
class Home:
    """An account with a living cluster and what its controllers left, and the API server of that cluster."""

    account: process.Account
    folder: Folder
    """The account's."""
    api: ApiServer
    server: Server
    cluster: dict[str, Any]
    """As EKS describes it."""
    place: Place
    maker: Maker
    made: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """What is left: kind → ids."""

    @classmethod
    def build(cls, root: Path) -> Home:
        """All of it, in folders below `root`."""
        layout, folder, api = Layout(root), Folder(root / "account"), ApiServer()
        server = Server(api, pki.issue(pki.authority(layout), "api", hosts=["127.0.0.1"]).write(root, "api"))
        plane = process.ControlPlane(f"https://127.0.0.1:{server.port}", layout.authority)
        account = process.ensure(folder, ACCOUNT_ID, REGION, plane)
        clients = Clients(account)
        network = clients.network("a", "b")
        cluster = clients.cluster(name=CLUSTER, resourcesVpcConfig={"subnetIds": list(network.subnets)})
        place, maker = Place(CLUSTER, network.vpc, network.subnets, f"{REGION}a"), Maker(account, 0)
        s3 = clients.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        home = cls(account, folder, api, server, cluster, place, maker)
        home.leave()
        return home

    def leave(self) -> None:
        """Once more what the cluster's controllers leave."""
        self.made = leftovers.leave(self.maker, self.place)

    def close(self) -> None:
        process.stop(self.folder)
        self.server.close()


@dataclass
class Living:
    """The project and the state of a stack that has all of that."""

    root: Path
    home: Home
    version: str = ""
    """Of the state in its bucket, before the newest."""

    @property
    def clients(self) -> Clients:
        return Clients(self.home.account)

    @property
    def api(self) -> ApiServer:
        return self.home.api

    @property
    def cluster(self) -> dict[str, Any]:
        return self.home.cluster

    def strike(self, *rules: Rule) -> None:
        """Let the account's calls fail by rules; without any, none fails any more."""
        faults.write(self.home.folder.faults, rules)

    @property
    def captured(self) -> Path:
        return self.root / ".teardown" / "staging.json"

    def configure(self, **settings: object) -> None:
        """The stack's settings, over those of the account."""
        config: dict[str, object] = {"accountId": ACCOUNT_ID, "region": REGION, "endpointAccess": "private"} | settings
        document = {"config": {f"infra-fleet:{key}": value for key, value in config.items()}}
        (self.root / "Pulumi.staging.yaml").write_text(yaml.safe_dump(document))

    def outputs(self, **others: object) -> dict[str, object]:
        """The stack's outputs, as a rebuild leaves them."""
        return {
            "aws_account_id": ACCOUNT_ID,
            "aws_region": REGION,
            "cluster_name": CLUSTER,
            "cluster_endpoint": self.cluster["endpoint"],
            "cluster_certificate_authority": self.cluster["certificateAuthority"]["data"],
        } | others

    def export(self, outputs: Mapping[str, object], *resources: Mapping[str, object]) -> None:
        """The stack's state: as pulumi prints it, and as an earlier version in its bucket."""
        stack = {"type": "pulumi:pulumi:Stack", "outputs": outputs}
        vpc = {"type": "aws:ec2/vpc:Vpc", "id": self.home.place.vpc, "outputs": {"id": self.home.place.vpc}}
        prefix = "urn:pulumi:staging::infra-fleet::"
        every = [
            {**each, "urn": f"{prefix}{each['type']}::{number}"} for number, each in enumerate((stack, vpc, *resources))
        ]
        (self.root / "state.json").write_text(json.dumps({"version": 3, "deployment": {"resources": every}}))
        checkpoint = {"stack": "organization/infra-fleet/staging", "latest": {"resources": every}}
        self.version = self._put({"version": 3, "checkpoint": checkpoint})
        self._put({"version": 3, "checkpoint": {**checkpoint, "latest": {}}})

    def _put(self, document: Mapping[str, object]) -> str:
        body = json.dumps(document).encode()
        return self.clients.client("s3").put_object(Bucket=BUCKET, Key=STATE, Body=body)["VersionId"]

    def writes(self, since: int = 0) -> list[str]:
        """The account's calls since a line of its record that change something."""
        calls = [json.loads(line) for line in self.home.folder.calls.read_text().splitlines()[since:]]
        return [f"{each['service']}:{each['operation']}" for each in calls if not each["operation"].startswith(READS)]

    @property
    def calls(self) -> int:
        return len(self.home.folder.calls.read_text().splitlines())

    @property
    def pulumi(self) -> list[list[str]]:
        """What pulumi was started with, reading aside."""
        path = self.root / "pulumi.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line[1:3] != ["stack", "export"]]

    def run(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        """`fleet teardown ARGUMENTS` in this process; its exit code."""
        try:
            main(["teardown", *arguments])
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    def persistent_volume(self, volume_id: str, policy: str = "Retain", name: str = "data") -> None:
        """A PersistentVolume of the EBS CSI driver."""
        spec = {
            "persistentVolumeReclaimPolicy": policy,
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": volume_id},
        }
        self.api.objects.setdefault("persistentvolumes", []).append({"metadata": {"name": name}, "spec": spec})


def settle(root: Path, home: Home) -> Living:
    """A project with its state, and objects in its cluster that a drain suspends and deletes."""
    living = Living(root, home)
    (root / "Pulumi.yaml").write_text("name: infra-fleet\nruntime: python\n")
    living.configure()
    living.export(living.outputs())
    named = {"namespace": "shop", "name": "web"}
    home.api.clear()
    home.api.objects = {
        "ingresses": [{"metadata": named, "spec": {}}],
        "persistentvolumeclaims": [{"metadata": {**named, "name": "free"}, "spec": {}}],
        "kustomizations": [{"metadata": {**named, "namespace": "flux-system"}, "spec": {}}],
    }
    script = root / "bin" / "pulumi"
    script.parent.mkdir()
    script.write_text(PULUMI.format(python=sys.executable, here=str(root)))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return living


def environment(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sandbox gives its children, with the pulumi that only records."""
    for name, value in process.environment(living.home.account).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv(SANDBOX_VARIABLE, "1")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"s3://{BUCKET}?region={REGION}")
    monkeypatch.setenv("PATH", f"{living.root / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def other_authority(root: Path) -> str:
    """The certificate authority of another cluster, as EKS gives it."""
    return base64.b64encode(pki.authority(Layout(root)).certificate).decode()
