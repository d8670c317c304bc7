"""A preview succeeds whatever the cluster's state, and reaches nothing but the account and the state.

Proven in a network namespace that has loopback alone, with every connect() of every process in the trace.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox import rehearsal
from tests.support import rehearsals
from tests.support.excerpts import excerpt, missing
from tests.support.rehearsals import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine

TOOLS = ("unshare", "nsenter", "ip", "strace")
CONNECT = re.compile(r"connect\(\d+, \{sa_family=AF_INET6?, .*?htons\((?P<port>\d+)\).*?\"(?P<address>[^\"]+)\"")
OWN_SOCKET = re.compile(r"getsockname(?:\(\d+, | resumed>)\{sa_family=AF_INET6?, .*?htons\((?P<port>\d+)\)")
LOCAL_SOCKET = re.compile(r"connect\(\d+, \{sa_family=AF_UNIX, sun_path=\"(?P<path>[^\"]+)\"")
MAPPED = "::ffff:"
"""Before an IPv4 address in an IPv6 socket."""

NAME_SERVICE_CACHE = "/var/run/nscd/socket"
"""libc asks it for the user's name before it reads /etc/passwd."""

DELETE_CLUSTER = """
import boto3
eks = boto3.client("eks")
for group in eks.list_nodegroups(clusterName="staging")["nodegroups"]:
    eks.delete_nodegroup(clusterName="staging", nodegroupName=group)
    eks.get_waiter("nodegroup_deleted").wait(clusterName="staging", nodegroupName=group)
eks.delete_cluster(name="staging")
eks.get_waiter("cluster_deleted").wait(name="staging")
"""


@pytest.fixture(scope="module")
def namespace() -> Iterator[list[str]]:
    """The command prefix that enters a network namespace with loopback and nothing else."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    assert not missing, f"install {', '.join(missing)}: the proof needs them (Debian: util-linux, iproute2, strace)"
    holder = subprocess.Popen(["unshare", "--user", "--map-root-user", "--net", "sleep", "infinity"])
    deadline = time.monotonic() + 30
    # unshare has mapped its user as well once it has become sleep.
    while Path(f"/proc/{holder.pid}/comm").read_text().strip() != "sleep":
        assert holder.poll() is None, "no network namespace can be made here"
        assert time.monotonic() < deadline, "the network namespace never came"
        time.sleep(0.01)
    prefix = ["nsenter", "--user", "--net", "--preserve-credentials", f"--target={holder.pid}"]
    subprocess.run([*prefix, "ip", "link", "set", "lo", "up"], check=True)
    yield prefix
    holder.kill()
    holder.wait()


@pytest.fixture(scope="module")
def isolated(tmp_path_factory: pytest.TempPathFactory, namespace: list[str]) -> Iterator[Sandbox]:
    """A sandbox inside the namespace, with its account running there; each test leaves nothing built."""
    made = rehearsals.new(tmp_path_factory.mktemp("isolated"))
    made = Sandbox(made.folder, prefix=namespace)
    made.succeed("exec", "--", "true")
    yield made
    rehearsal.reset(made.folder)


def traced_preview(sandbox: Sandbox, *arguments: str, **variables: str) -> set[tuple[str, int]]:
    """Preview under strace; the (address, port) of all it connected to, its own processes' ports aside."""
    return told_preview(sandbox, *arguments, **variables)[0]


def told_preview(sandbox: Sandbox, *arguments: str, **variables: str) -> tuple[set[tuple[str, int]], str]:
    """The same, and what was printed."""
    trace = sandbox.folder.root.parent / "trace"
    strace = ["strace", "--follow-forks", "--seccomp-bpf", "--trace=connect,getsockname", f"--output={trace}", "--"]
    traced = Sandbox(sandbox.folder, sandbox.stack, [*sandbox.prefix, *strace])
    done = traced.succeed("preview", "--", *arguments, **variables)
    assert "Resources:" in done.out
    lines = trace.read_text()
    assert set(LOCAL_SOCKET.findall(lines)) <= {NAME_SERVICE_CACHE}
    own = {int(port) for port in OWN_SOCKET.findall(lines)}
    found = {(address.removeprefix(MAPPED), int(port)) for port, address in CONNECT.findall(lines)}
    return {peer for peer in found if peer[0] != "127.0.0.1" or peer[1] not in own}, done.err + done.out


@dataclass(frozen=True)
class Bare:
    """What a preview reached: (address, port), and (service, operation) of the account; and what it printed."""

    peers: set[tuple[str, int]]
    calls: set[tuple[str, str]]
    output: str


def endpoint(sandbox: Sandbox) -> tuple[str, int]:
    account: dict[str, str] = json.loads(sandbox.folder.account_file.read_text())
    address, port = account["endpoint"].removeprefix("http://").split(":")
    return address, int(port)


@pytest.fixture(scope="module")
def bare(isolated: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """A preview of an empty state where PATH has only go, which says where the built engine lies, and a shell."""
    root = tmp_path_factory.mktemp("bare")
    tools, home = root / "bin", root / "home"
    tools.mkdir()
    for tool in ("go", "sh", "env", "nsenter", "strace"):
        found = shutil.which(tool)
        assert found, tool
        (tools / tool).symlink_to(found)
    assert not any(shutil.which(tool, path=str(tools)) for tool in ("kubectl", "flux", "aws", "pulumi"))
    config = home / ".kube" / "config"
    config.parent.mkdir(parents=True)
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: dead\n"
        "clusters: [{name: dead, cluster: {server: 'https://10.255.255.1:6443'}}]\n"
        "contexts: [{name: dead, context: {cluster: dead, user: dead}}]\nusers: [{name: dead, user: {token: x}}]\n"
    )
    before = len(isolated.folder.calls.read_text().splitlines())
    peers, output = told_preview(isolated, PATH=str(tools), HOME=str(home), KUBECONFIG=str(config))
    during = [json.loads(line) for line in isolated.folder.calls.read_text().splitlines()[before:]]
    return Bare(peers, {(call["service"], call["operation"]) for call in during}, output)


def test_a_preview_needs_no_kubectl_flux_or_aws_and_looks_at_no_kubeconfig(isolated: Sandbox, bare: Bare) -> None:
    """It reaches the account alone, although the kubeconfig names a server."""
    assert bare.peers == {endpoint(isolated)}


def test_a_preview_asks_the_account_only_for_the_state_and_who_it_is(bare: Bare) -> None:
    state = {("s3", "ListObjectsV2"), ("s3", "HeadObject"), ("s3", "GetObject"), ("kms", "Decrypt")}
    seeded = {("iam", "CreateRole")}
    assert bare.calls - state - seeded == {("sts", "GetCallerIdentity")}


def test_a_page_shows_what_a_preview_prints(bare: Bare) -> None:
    assert missing(excerpt("make preview"), bare.output) == []


@pytest.mark.night
def test_previews_succeed_in_every_state_and_reach_only_the_account(isolated: Sandbox) -> None:
    allowed = {endpoint(isolated)}
    assert traced_preview(isolated) == allowed, "with an empty state"

    isolated.succeed("up", "--", "--skip-preview")
    assert traced_preview(isolated, "--expect-no-changes") == allowed, "with everything built"

    nodes = "urn:pulumi:staging::infra-fleet::infra-fleet:index:Nodes$aws:eks/nodeGroup:NodeGroup::default"
    isolated.succeed("destroy", "--", "--skip-preview", "--target", nodes, "--target-dependents")
    assert traced_preview(isolated) == allowed, "with a destroy that stopped half way"

    isolated.succeed("exec", "--", sys.executable, "-c", DELETE_CLUSTER)
    assert traced_preview(isolated) == allowed, "with a cluster that somebody deleted"
    assert traced_preview(isolated, "--refresh") == allowed, "with a cluster that somebody deleted, refreshed"

    isolated.succeed("refresh", "--", "--skip-preview")
    isolated.succeed("destroy", "--", "--skip-preview")
    assert traced_preview(isolated) == allowed, "after the nightly destroy"
