"""While the cluster lives: Flux stops, and what load balancers and volumes are made for goes while its controllers run.

Source: kustomize-controller and helm-controller, "Suspend"; AWS Load Balancer Controller, finalizers
(`ingress.k8s.aws/resources`, `service.k8s.aws/resources`); Kubernetes, "Storage object in use protection".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common.console import Look
from common.errors import FleetError, UnknownError
from common.kubernetes.api import (
    HELM_RELEASE,
    IMAGE_UPDATE_AUTOMATION,
    INGRESS,
    KUSTOMIZATION,
    POD,
    SERVICE,
    Kind,
    UnansweredError,
)
from common.kubernetes.objects import condition, mappings, name_of, text
from infra.contract import controller_tags
from teardown import probe
from teardown.kinds import balancers, network

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from common.aws import Aws
    from common.console import Progress
    from common.kubernetes.api import Cluster, Manifest
    from common.target import Proven, ProvenCluster
    from teardown.kinds.base import Leftover
    from teardown.target import Target

MANAGER = "infra-fleet-teardown"
"""Not one that begins with kubectl: kustomize-controller takes over the fields of those (fluxcd/pkg, ssa/patch.go)."""

ROOT = "flux-system"
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
GATEWAY = Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways")


@dataclass(frozen=True)
class Deadlines:
    """Seconds."""

    settle: float = 120.0
    """Until nothing is reconciling any more."""
    clear: float = 600.0
    """Until finalizers are off and AWS shows nothing: the load balancer controller's own pace."""


@dataclass
class Drained:
    """What was done to the cluster."""

    outcome: str = "drained"
    """Or why there was nothing to drain: gone, or unreachable. Then only the sweep deletes."""
    suspended: list[str] = field(default_factory=list[str])
    deleted: list[str] = field(default_factory=list[str])
    dns_names: list[str] = field(default_factory=list[str])
    """What load balancers are called in the status of what is deleted."""
    mounted: list[str] = field(default_factory=list[str])
    """PVCs that a pod mounts: their volumes go with the sweep, once the nodes are gone."""
    untagged: list[str] = field(default_factory=list[str])
    """Volumes to be retained that do not say so themselves, and why."""
    stuck: list[str] = field(default_factory=list[str])
    """What did not go by its deadline, and why."""


def drain(aws: Proven, target: Target, cluster: ProvenCluster, progress: Progress, deadlines: Deadlines) -> Drained:
    """Stop Flux, and delete what AWS has something for.

    Raises:
        FleetError: the API server stops answering.
    """
    done = Drained()
    try:
        suspend(cluster, done)
        progress.say(f"suspended {len(done.suspended)} objects of Flux")
        wait(progress, "nothing to reconcile", deadlines.settle, lambda: _reconciling(cluster), done)
        delete(cluster, done)
        for each in done.deleted:
            progress.say(f"deleted: {each}")
        for each in done.mounted:
            progress.say(f"left for the sweep, because a pod mounts it: {each}")
        wait(progress, "finalizers and AWS", deadlines.clear, lambda: _remaining(aws, target, cluster, done), done)
    except FleetError as error:
        raise FleetError(f"the drain stops half-way: {error}") from None
    return done


def suspend(cluster: ProvenCluster, done: Drained) -> None:
    """Image automation first, so that nothing is pushed; then the root, so that nothing is resumed; then all others."""
    kustomizations = cluster.list(KUSTOMIZATION)
    kustomizations.sort(key=lambda each: each["metadata"]["name"] != ROOT)
    ordered = (
        *((IMAGE_UPDATE_AUTOMATION, each) for each in cluster.list(IMAGE_UPDATE_AUTOMATION)),
        *((KUSTOMIZATION, each) for each in kustomizations),
        *((HELM_RELEASE, each) for each in cluster.list(HELM_RELEASE)),
    )
    for kind, each in ordered:
        if each["spec"].get("suspend") is not True:
            metadata = {key: each["metadata"][key] for key in ("name", "namespace")}
            cluster.merge(kind, {"metadata": metadata, "spec": {"suspend": True}}, MANAGER)
            done.suspended.append(f"{kind.kind} {name_of(each)}")


def delete(cluster: ProvenCluster, done: Drained) -> None:
    """Ingresses, Services with a load balancer, Gateways, and the PVCs that no pod mounts."""
    for kind, each in _sort(cluster, done):
        cluster.delete(kind, each["metadata"]["name"], each["metadata"]["namespace"])


def _sort(cluster: Cluster, done: Drained) -> list[tuple[Kind, Manifest]]:
    """What is to be deleted, and what stays because a pod mounts it."""
    mounted = _mounted(cluster.list(POD))
    claims = cluster.list(CLAIM)
    done.mounted = [f"PersistentVolumeClaim {name_of(each)}" for each in claims if name_of(each) in mounted]
    balancing = [each for each in cluster.list(SERVICE) if text(each, "spec", "type") == "LoadBalancer"]
    doomed = [
        *((INGRESS, each) for each in cluster.list(INGRESS)),
        *((SERVICE, each) for each in balancing),
        *((GATEWAY, each) for each in cluster.list(GATEWAY)),
        *((CLAIM, each) for each in claims if name_of(each) not in mounted),
    ]
    done.deleted = [f"{kind.kind} {name_of(each)}" for kind, each in doomed]
    done.dns_names = [name for _, each in doomed for name in _dns_names(each)]
    return doomed


def preview(cluster: Cluster) -> list[str]:
    """What a drain would delete."""
    done = Drained()
    _sort(cluster, done)
    return [*(f"delete {each}" for each in done.deleted), *(f"leave {each}: a pod mounts it" for each in done.mounted)]


def _mounted(pods: Iterable[Manifest]) -> set[str]:
    """`namespace/name` of the PVCs that pods mount."""
    return {
        f"{each['metadata']['namespace']}/{text(volume, 'persistentVolumeClaim', 'claimName')}"
        for each in pods
        for volume in mappings(each, "spec", "volumes")
        if "persistentVolumeClaim" in volume
    }


def _dns_names(balanced: Manifest) -> list[str]:
    """The names in the status of an Ingress, Service or Gateway (Kubernetes API and Gateway API references)."""
    found = [
        *(text(each, "hostname") for each in mappings(balanced, "status", "loadBalancer", "ingress")),
        *(text(each, "value") for each in mappings(balanced, "status", "addresses")),
    ]
    return [name for name in found if name]


def _reconciling(cluster: Cluster) -> list[str]:
    """What Flux is still at, although it is suspended: it finishes what it has begun."""
    return [
        f"{kind.kind} {name_of(each)}: {text(ready, 'message')}"
        for kind in (KUSTOMIZATION, HELM_RELEASE)
        for each in cluster.list(kind)
        if (ready := condition(each, "Ready")).get("status") == "Unknown"
    ]


def _remaining(aws: Aws, target: Target, cluster: Cluster, done: Drained) -> list[str]:
    """What was deleted and is still there, in the cluster or in AWS."""
    deleted = set(done.deleted)
    held = [
        f"{kind.kind} {name_of(each)} is held by {', '.join(each['metadata'].get('finalizers', ['?']))}"
        for kind in (INGRESS, SERVICE, GATEWAY, CLAIM)
        for each in cluster.list(kind)
        if f"{kind.kind} {name_of(each)}" in deleted
    ]
    return held or _in_aws(aws, target)


def _in_aws(aws: Aws, target: Target) -> list[str]:
    """What AWS still shows of the load balancer controllers: load balancers, target groups, groups, interfaces."""
    findings = probe.look(aws, target, kinds=(*balancers.KINDS, network.GROUP, network.INTERFACE))
    balancing = [each for each in findings.ours if _is_of_balancer(each)]
    return [*findings.unknown, *(f"AWS still has the {each.title}" for each in balancing)]


def _is_of_balancer(each: Leftover) -> bool:
    marks: Sequence[str] = (controller_tags.CONTROLLER, "kubernetes.io/service-name")
    return each.kind in balancers.KINDS or any(m in each.tags for m in marks)


def wait(progress: Progress, what: str, deadline: float, look: Any, done: Drained) -> None:
    """Wait until a look shows nothing; what it shows at the deadline is stuck, and the sweep's."""
    seen: list[str] = []

    def once() -> Look:
        seen[:] = look()
        return Look(seen)

    try:
        progress.wait(what, deadline, once)
    except FleetError as error:
        # Only a deadline is an answer: a call that fails is unknown, whatever was seen before it.
        if isinstance(error, UnansweredError | UnknownError) or not seen:
            raise
        done.stuck += seen
        progress.say(f"{what}: not within {deadline:g} s; the sweep goes on: {'; '.join(seen)}")
