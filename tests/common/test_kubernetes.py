"""The API server as it may be: overloaded, away, of another CA, or not ours."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from tenacity import wait_none

from common.kubernetes import api
from common.kubernetes.api import Cluster, ConflictError, UnansweredError, UnauthorizedError
from sandbox.cluster import pki
from sandbox.cluster.layout import Layout
from sandbox.cluster.serving import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

NODES: dict[str, Any] = {
    "kind": "NodeList",
    "apiVersion": "v1",
    "metadata": {},
    "items": [{"metadata": {"name": "one"}}],
}


NAME = "0123456789ABCDEF.gr7.eu-west-2.eks.amazonaws.com"
"""Another name of the server, which a tunnel to it is held to."""


class Script:
    """An API server that gives the same answers in turn, the last one for ever."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        code, said = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        body = json.dumps(said).encode()
        start_response(f"{code} x", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def status(code: int, message: str) -> tuple[int, object]:
    return code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "code": code, "message": message}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt follows the last one at once: how often it is tried is judged, not how long that takes."""
    monkeypatch.setattr(api, "PAUSES", wait_none())


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Script], Cluster]]:
    layout = Layout(tmp_path)
    files = pki.issue(pki.authority(layout), "api", hosts=["127.0.0.1", NAME]).write(tmp_path, "api")
    servers: list[Server] = []

    def start(script: Script) -> Cluster:
        servers.append(Server(script, files))
        return Cluster(kubeconfig(servers[-1].port, layout.authority.read_bytes()))

    yield start
    for server in servers:
        server.close()


def kubeconfig(port: int, authority: bytes) -> dict[str, Any]:
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": base64.b64encode(authority).decode(),
    }
    return {
        "clusters": [{"name": "x", "cluster": cluster}],
        "users": [{"name": "x", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }


@pytest.mark.parametrize(("name", "is_it"), [(NAME, True), ("another.eks.amazonaws.com", False)])
def test_a_tunnel_is_held_to_the_name_of_the_cluster(
    serve: Callable[[Script], Cluster], tmp_path: Path, name: str, is_it: bool
) -> None:
    there = serve(Script((200, NODES)))
    config = kubeconfig(int(there.server.rpartition(":")[2]), Layout(tmp_path).authority.read_bytes())
    config["clusters"][0]["cluster"]["tls-server-name"] = name
    if is_it:
        assert Cluster(config).list(api.NODE)
        return
    with pytest.raises(UnansweredError, match=r"does not answer: .*certificate"):
        Cluster(config).list(api.NODE)


def test_an_overloaded_server_is_asked_again(serve: Callable[[Script], Cluster]) -> None:
    script = Script(status(429, "too many requests"), status(503, "apiserver is shutting down"), (200, NODES))
    assert [node["metadata"]["name"] for node in serve(script).list(api.NODE)] == ["one"]
    assert script.asked == 3


def test_one_that_stays_overloaded_is_unknown_and_not_empty(serve: Callable[[Script], Cluster]) -> None:
    script = Script(status(429, "too many requests"))
    with pytest.raises(UnansweredError, match="refuses: too many requests"):
        serve(script).list(api.NODE)
    assert script.asked == api.ATTEMPTS


def test_only_a_404_says_that_something_is_not_there(serve: Callable[[Script], Cluster]) -> None:
    assert serve(Script(status(404, "not found"))).get(api.NODE, "x") is None
    for code in (400, 403, 410, 500):
        with pytest.raises(UnansweredError):
            serve(Script(status(code, "no"))).get(api.NODE, "x")


def test_a_principal_without_access_is_told_so_at_once(serve: Callable[[Script], Cluster]) -> None:
    script = Script(status(401, "Unauthorized"))
    with pytest.raises(UnauthorizedError, match="has no access entry in the cluster, or its session has ended"):
        serve(script).get(api.NODE, "x")
    assert script.asked == 1


def test_a_conflict_is_one_of_apply_alone(serve: Callable[[Script], Cluster]) -> None:
    script = Script(status(409, 'conflict with "theirs": .data.VPC_ID'))
    with pytest.raises(ConflictError, match=r"\.data\.VPC_ID"):
        serve(script).apply(api.CONFIG_MAP, {"metadata": {"name": "x", "namespace": "y"}}, "ours")
    assert serve(script).create(api.NAMESPACE, {"metadata": {"name": "x"}}) is None


def test_another_ca_and_nobody_at_all_are_unknown(tmp_path: Path, serve: Callable[[Script], Cluster]) -> None:
    other = pki.authority(Layout(tmp_path / "other"))
    server = serve(Script((200, NODES))).server
    port = int(server.rpartition(":")[2])
    with pytest.raises(UnansweredError, match=r"does not answer: .*(certificate|CERTIFICATE)"):
        Cluster(kubeconfig(port, other.certificate)).list(api.NODE)
    with pytest.raises(UnansweredError, match="does not answer"):
        Cluster(kubeconfig(1, other.certificate)).list(api.NODE)
