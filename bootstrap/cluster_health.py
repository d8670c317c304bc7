"""Whether a cluster can take Flux: nodes, CoreDNS, and the agent that gives pods their AWS credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from common.console import Look
from common.errors import FleetError
from common.kubernetes import objects
from common.kubernetes.api import DAEMON_SET, DEPLOYMENT, EVENT, NODE, POD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_eks import EKSClient

    from common.kubernetes.api import Cluster, Manifest
    from infra.contract.outputs import StackOutputs

SYSTEM = "kube-system"
COREDNS = "coredns"
AGENT = "eks-pod-identity-agent"
MOST = 3
"""Events that are told of one object."""


def desired_nodes(outputs: StackOutputs) -> int:
    """How many nodes the node groups want.

    Raises:
        FleetError: AWS does not say.
    """
    try:
        eks: EKSClient = boto3.Session(region_name=outputs.aws_region).client("eks")  # pyright: ignore[reportUnknownMemberType]
        groups = [
            eks.describe_nodegroup(clusterName=outputs.cluster_name, nodegroupName=name)["nodegroup"]
            for name in outputs.node_group_names
        ]
    except (BotoCoreError, ClientError) as error:
        raise FleetError(f"how many nodes {outputs.cluster_name} should have is unknown: {error}") from None
    return sum(group.get("scalingConfig", {}).get("desiredSize", 0) for group in groups)


def look(cluster: Cluster, desired: int) -> Look:
    """What is not ready yet, and why. Raises UnansweredError."""
    nodes = cluster.list(NODE)
    waiting = [*_nodes(nodes, desired)]
    coredns = cluster.get(DEPLOYMENT, COREDNS, SYSTEM)
    agent = cluster.get(DAEMON_SET, AGENT, SYSTEM)
    if coredns is None:
        waiting.append("CoreDNS is not installed: its add-on is not ACTIVE")
    elif not objects.is_available(coredns):
        waiting.append(f"CoreDNS is not available{_why(cluster, 'k8s-app', 'kube-dns')}")
    if agent is None:
        waiting.append(f"{AGENT} is not installed: its add-on is not ACTIVE")
    elif not objects.is_rolled_out(agent):
        waiting.append(f"{AGENT} is not on every node{_why(cluster, 'k8s-app', AGENT)}")
    return Look(waiting)


def _nodes(nodes: Sequence[Manifest], desired: int) -> list[str]:
    lines = [
        f"node {objects.name_of(node)} is not ready: {_reason(node)}" for node in nodes if not objects.is_ready(node)
    ]
    count = len(nodes) - len(lines)
    # More nodes than wanted are old ones on their way out: they hold nobody up.
    absent = "" if nodes else ": none has joined; check the NAT gateway and the routes of the private subnets"
    return [*lines, f"{count} of {desired} nodes are ready{absent}"] if count < desired else []


def _reason(node: Manifest) -> str:
    ready = objects.condition(node, "Ready")
    return str(ready.get("message") or ready.get("reason") or "it has not said so")


def _why(cluster: Cluster, label: str, value: str) -> str:
    """What pods and events say of it."""
    pods = [pod for pod in cluster.list(POD, SYSTEM, {label: value}) if not objects.is_ready(pod)]
    names = {pod["metadata"]["name"] for pod in pods}
    events = [
        event["message"]
        for event in cluster.list(EVENT, SYSTEM)
        if event.get("type") == "Warning" and objects.text(event, "involvedObject", "name") in names
    ]
    reasons = [objects.pod_reason(pod) for pod in pods]
    said = list(dict.fromkeys([*(reason for reason in reasons if reason), *events]))[:MOST]
    return f": {'; '.join(said)}" if said else ""
