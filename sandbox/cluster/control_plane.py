"""The command lines of a control plane: etcd, API server, controller manager, scheduler, and kwok's kubelets.

Sources: the reference pages of each command; kwok's "Configuration" (Stage).
"""

from __future__ import annotations

import base64
import copy
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.account.process import LOOPBACK
from sandbox.cluster import pki, programs
from sandbox.cluster.access import ADMINISTRATORS
from sandbox.cluster.layout import Layout, Ports, free_ports
from tools import build
from tools.catalogue import ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, KWOK

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGES = ("kustomize/stage/node/fast", "kustomize/stage/node/heartbeat-with-lease", "kustomize/stage/pod/fast")
"""Where kwok's module has its stages of nodes that are at once ready, and of pods that are."""


@dataclass(frozen=True)
class Service:
    """A program of the control plane: how it is started, and where it says that it is ready (an https or http URL)."""

    name: str
    command: tuple[str, ...]
    ready: str | None = None


@dataclass(frozen=True)
class Binaries:
    """The paths of the built programs."""

    etcd: Path
    api_server: Path
    controller_manager: Path
    scheduler: Path
    kwok: Path
    stages: tuple[Path, ...]


def binaries(say: build.Say) -> Binaries:
    """Find or build them. Raises FleetError."""
    kwok = build.find(KWOK, say)
    module = Path(build.go(KWOK, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", KWOK.module))
    stages = tuple(
        path for folder in STAGES for path in sorted((module / folder).glob("*.yaml")) if path.stem != "kustomization"
    )
    return Binaries(
        etcd=build.find(ETCD, say),
        api_server=build.find(KUBE_APISERVER, say),
        controller_manager=build.find(KUBE_CONTROLLER_MANAGER, say),
        scheduler=build.find(KUBE_SCHEDULER, say),
        kwok=kwok,
        stages=stages,
    )


@dataclass(frozen=True)
class Plan:
    """What a control plane is made from."""

    layout: Layout
    ports: Ports
    binaries: Binaries
    issuer: str
    service_cidr: str
    webhook: str
    """Where tokens are reviewed: a URL with a certificate of the folder's CA."""


def prepare(plan: Plan) -> list[Service]:
    """Write what the services read, and give them in the order of their start."""
    live, signer = plan.layout.live, pki.authority(plan.layout)
    certificates = live / "pki"
    serving, serving_key = pki.issue(
        signer, "kube-apiserver", hosts=[LOOPBACK, "localhost", "kubernetes", "kubernetes.default.svc", _first(plan)]
    ).write(certificates, "api-server")
    accounts = certificates / "service-accounts.key"
    if not accounts.exists():
        pki.write_private(accounts, pki.signing_key())
    admin = pki.issue(signer, "sandbox", organizations=[ADMINISTRATORS])
    write_kubeconfig(plan.layout.kubeconfig, plan, admin)
    managers = {name: live / f"{name}.kubeconfig" for name in ("kube-controller-manager", "kube-scheduler", "kwok")}
    for name, path in managers.items():
        groups = [ADMINISTRATORS] if name == "kwok" else []
        write_kubeconfig(path, plan, pki.issue(signer, f"system:{name}", organizations=groups))
    webhook = live / "webhook.kubeconfig"
    pki.write_private(webhook, _webhook_config(plan).encode())
    client, peer, manager_port, scheduler_port, kwok_port = free_ports(5)
    etcd_url = f"http://{LOOPBACK}:{client}"
    peer_url = f"http://{LOOPBACK}:{peer}"
    stages = live / "kwok.yaml"
    pki.write_private(stages, yaml.safe_dump_all(_stages(plan.binaries.stages)).encode())
    return [
        Service(
            "etcd",
            (
                str(plan.binaries.etcd),
                f"--data-dir={live / 'etcd'}",
                f"--listen-client-urls={etcd_url}",
                f"--advertise-client-urls={etcd_url}",
                f"--listen-peer-urls={peer_url}",
                f"--initial-advertise-peer-urls={peer_url}",
                f"--initial-cluster=default={peer_url}",
                "--unsafe-no-fsync",  # a day's data, on disks of any speed
            ),
            f"{etcd_url}/health",
        ),
        Service(
            "kube-apiserver",
            (
                str(plan.binaries.api_server),
                f"--etcd-servers={etcd_url}",
                f"--secure-port={plan.ports.api}",
                f"--bind-address={LOOPBACK}",
                f"--advertise-address={LOOPBACK}",
                "--endpoint-reconciler-type=none",
                f"--tls-cert-file={serving}",
                f"--tls-private-key-file={serving_key}",
                f"--client-ca-file={plan.layout.authority}",
                f"--authentication-token-webhook-config-file={webhook}",
                "--authentication-token-webhook-version=v1",
                "--authentication-token-webhook-cache-ttl=2s",
                "--authorization-mode=Node,RBAC",
                f"--service-account-issuer={plan.issuer}",
                f"--service-account-key-file={accounts}",
                f"--service-account-signing-key-file={accounts}",
                f"--service-cluster-ip-range={plan.service_cidr}",
                "--allow-privileged",
                "--profiling=false",
            ),
            f"{plan.ports.api_server}/readyz",
        ),
        Service(
            "kube-controller-manager",
            (
                str(plan.binaries.controller_manager),
                f"--kubeconfig={managers['kube-controller-manager']}",
                f"--service-account-private-key-file={accounts}",
                f"--root-ca-file={plan.layout.authority}",
                "--use-service-account-credentials",
                "--leader-elect=false",
                f"--bind-address={LOOPBACK}",
                f"--secure-port={manager_port}",
            ),
        ),
        Service(
            "kube-scheduler",
            (
                str(plan.binaries.scheduler),
                f"--kubeconfig={managers['kube-scheduler']}",
                "--leader-elect=false",
                f"--bind-address={LOOPBACK}",
                f"--secure-port={scheduler_port}",
            ),
        ),
        Service(
            "kwok",
            (
                str(plan.binaries.kwok),
                f"--kubeconfig={managers['kwok']}",
                "--manage-all-nodes=true",
                "--node-lease-duration-seconds=40",  # without one, nodes count as lost after a minute
                f"--node-ip={LOOPBACK}",
                f"--server-address={LOOPBACK}:{kwok_port}",
                f"--config={stages}",
            ),
        ),
    ]


def write_kubeconfig(path: Path, plan: Plan, user: pki.Pair) -> None:
    """Write a kubeconfig with a client certificate."""
    credentials = {
        "client-certificate-data": base64.b64encode(user.certificate).decode(),
        "client-key-data": base64.b64encode(user.key).decode(),
    }
    pki.write_private(path, yaml.safe_dump(kubeconfig(plan.ports, plan.layout, credentials)).encode())


def kubeconfig(ports: Ports, layout: Layout, user: Mapping[str, str]) -> dict[str, Any]:
    """A kubeconfig for the folder's API server."""
    authority = base64.b64encode(layout.authority.read_bytes()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "sandbox", "cluster": {"server": ports.api_server, "certificate-authority-data": authority}}
        ],
        "users": [{"name": "sandbox", "user": dict(user)}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
        "current-context": "sandbox",
    }


def _webhook_config(plan: Plan) -> str:
    cluster = {"server": plan.webhook, "certificate-authority": str(plan.layout.authority)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "webhook", "cluster": cluster}],
            "users": [{"name": "api-server", "user": {"token": secrets.token_hex(8)}}],
            "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "api-server"}}],
            "current-context": "webhook",
        }
    )


READY_AGAIN: dict[str, Any] = {
    "apiVersion": "kwok.x-k8s.io/v1alpha1",
    "kind": "Stage",
    "metadata": {"name": "pod-ready-again"},
    "spec": {
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {
            "matchExpressions": [
                {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
                {"key": ".status.phase", "operator": "In", "values": ["Running"]},
                {
                    "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
                    "operator": "In",
                    "values": ["False"],
                },
            ]
        },
        "next": {
            "statusTemplate": "conditions:\n"
            "- {type: Ready, status: 'True', lastTransitionTime: {{ Now | Quote }}}\n"
            "- {type: ContainersReady, status: 'True', lastTransitionTime: {{ Now | Quote }}}\n"
        },
    },
}
"""A pod whose node was lost for a while is marked unready by a controller, and ready again by its kubelet."""


def _stages(paths: tuple[Path, ...]) -> list[dict[str, Any]]:
    """kwok's own stages and ours; those of pods leave alone what runs as a process, or needs an image in ECR."""
    stages: list[dict[str, Any]] = [*(yaml.safe_load(path.read_text()) for path in paths), copy.deepcopy(READY_AGAIN)]
    for stage in stages:
        if stage["spec"]["resourceRef"]["kind"] == "Pod":
            key = f'.spec.containers.[].image | select( test("{programs.OURS}") )'
            stage["spec"]["selector"]["matchExpressions"].append({"key": key, "operator": "DoesNotExist"})
    return stages


def _first(plan: Plan) -> str:
    """The address of the Service `kubernetes`: the first of the Services' range."""
    network, _, _ = plan.service_cidr.partition("/")
    return f"{network.rpartition('.')[0]}.1"
