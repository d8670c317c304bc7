"""The stage order: what is Ready too soon, comes too late, or depends on who is first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from checks.findings import Finding, Severity, Stage
from checks.flux import seconds, spelled, waits_for
from checks.manifests import at, listed, mapping
from checks.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from checks.flux import Flux, Release
    from checks.manifests import Path
    from checks.model import Model
    from checks.tree import Kustomization


@rule("E8", Stage.ORDER, Severity.WARNING)
def ready_too_soon(model: Model) -> Iterator[Finding]:
    """E8: the Kustomization that installs a CRD is Ready before its HelmRelease is.

    Without `wait` or a health check it is Ready as soon as the HelmRelease object is applied. Who depends on it then
    runs into a CRD that is not there yet, and fails until it is.

    Bad:
        # infrastructure, which installs kube-prometheus-stack
        prune: true

    Good:
        # infrastructure
        prune: true
        wait: true
    """
    found: dict[str, tuple[str, str]] = {}
    for custom in model.flux.customs:
        before = model.flux.before(custom.object.owner)
        for provider in custom.providers:
            if provider.owner in before and provider.release:
                owner = model.flux.kustomization(provider.owner)
                if not waits_for(owner, provider.release.object):
                    found.setdefault(owner.id, (provider.release.id, custom.object.label))
    for name, (release, needs) in found.items():
        why = f"it is Ready before the HelmRelease {release} is, whose CRDs {needs} needs"
        yield ready_too_soon.at(model.flux.kustomization(name).object, "spec", why=why, remedy="set wait: true")


@rule("E11", Stage.ORDER, Severity.WARNING)
def no_retry_interval(model: Model) -> Iterator[Finding]:
    """E11: a Flux Kustomization has no retryInterval.

    What fails once, as much does on a cold cluster, is tried again only after the whole interval.

    Bad:
        interval: 10m

    Good:
        interval: 10m
        retryInterval: 1m
    """
    # The first is the bootstrap's own, which `flux bootstrap` writes.
    for each in model.tree.kustomizations[1:]:
        if "retryInterval" not in each.spec:
            interval = each.spec.get("interval")
            why = f"after a failure it is tried again only after its interval ({interval})"
            yield no_retry_interval.at(each.object, "spec", why=why, remedy="set retryInterval, such as 1m")


@rule("E12", Stage.ORDER, Severity.WARNING)
def short_timeout(model: Model) -> Iterator[Finding]:
    """E12: a Flux Kustomization gives up before the HelmReleases that it waits for.

    With `wait` it is Ready once all that it applies is. Its timeout has to be longer than the longest chain of
    HelmReleases that wait for one another, each with its own timeout (5m unless it says otherwise): otherwise every
    cold start fails first ("timeout waiting for: [HelmRelease/… status: 'InProgress']"). Without `timeout` it is the
    interval less 30 s.

    Bad:
        wait: true
        timeout: 3m     # and a HelmRelease with the default timeout

    Good:
        wait: true
        timeout: 15m
    """
    for each in model.tree.kustomizations:
        own = {release.id: release for release in model.flux.releases if release.object.owner == each.id}
        waited_for = {name for name, release in own.items() if waits_for(each, release.object)}
        timeout = _timeout(each)
        if not waited_for or timeout is None:
            continue
        before = {other for name in waited_for for other in model.flux.releases_before(name)}
        among = {name: release for name, release in own.items() if name in waited_for | before}
        longest, chain = max(_chains(model.flux, among))
        if timeout < longest:
            why = f"it gives up after {spelled(timeout)}, but {chain} may take {spelled(longest)}"
            remedy = "set a longer timeout"
            field = "timeout" if "timeout" in each.spec else "interval"
            yield short_timeout.at(each.object, "spec", field, why=why, remedy=remedy)


def _timeout(each: Kustomization) -> float | None:
    """Seconds until a Kustomization gives up, never less than 30 (kustomize-controller, Kustomization v1, timeout)."""
    has_own = "timeout" in each.spec
    given = seconds(each.spec["timeout"] if has_own else each.spec.get("interval"))
    return None if given is None else max(given if has_own else given - 30, 30)


def _chains(flux: Flux, among: Mapping[str, Release]) -> Iterator[tuple[float, str]]:
    """How long each chain of HelmReleases may take, and its members; circles are another rule's."""
    graph = flux.release_order.subgraph(among)
    if not nx.is_directed_acyclic_graph(graph):
        yield max((release.timeout, name) for name, release in among.items())
        return
    best: dict[str, tuple[float, str]] = {}
    for name in reversed(list(nx.topological_sort(graph))):
        before = max((best[other] for other in graph.successors(name)), default=(0.0, ""))
        best[name] = (before[0] + among[name].timeout, f"{before[1]} → {name}" if before[1] else name)
    yield from best.values()


CONTROLLER = "aws-load-balancer-controller"
ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer-type"
OURS = frozenset({"external", "nlb-ip"})
"""The values that the AWS load balancer controller takes as meant for it (its guide, "Service annotations")."""


@rule("E15", Stage.ORDER, Severity.WARNING)
def ambiguous_load_balancer(model: Model) -> Iterator[Finding]:
    """E15: a Service of type LoadBalancer does not say which controller makes the load balancer.

    Without spec.loadBalancerClass it is a race between the cloud provider's own controller and any other that is
    installed, and the annotation that used to decide, aws-load-balancer-type: nlb, is the old controller's. They set
    other tags and finalizers, so that a teardown may not find what the wrong one made. Where the AWS load balancer
    controller is not in the tree, there may be one controller only, and it is a note.

    Bad:
        spec: {type: LoadBalancer}

    Good:
        spec: {type: LoadBalancer, loadBalancerClass: service.k8s.aws/nlb}
    """
    two = any(release.chart_name == CONTROLLER for release in model.flux.releases)
    severity = None if two else Severity.NOTE
    for each in model.tree.objects:
        is_service = (each.api_version, each.kind) == ("v1", "Service")
        paths = [("spec", "type")] if is_service and _is_open(each.manifest.get("spec"), each.manifest) else []
        if each.kind == "HelmRelease":
            paths = list(_in_values(each.spec.get("values"), ("spec", "values")))
        for path in paths:
            why = "which controller makes its load balancer is a race"
            remedy = "set loadBalancerClass, such as service.k8s.aws/nlb"
            yield ambiguous_load_balancer.at(each, *path, why=why, remedy=remedy, severity=severity)


def _is_open(service: Any, around: Any) -> bool:
    """Whether a Service's fields ask for a load balancer and leave open whose."""
    fields = mapping(service)
    annotation = at(around, "metadata", "annotations", ANNOTATION) or at(service, "annotations", ANNOTATION)
    wanted = fields.get("type") == "LoadBalancer" or annotation is not None
    return wanted and not fields.get("loadBalancerClass") and annotation not in OURS


def _in_values(values: Any, path: Path) -> Iterator[Path]:
    """The places in a chart's values that look like a Service's fields."""
    if isinstance(values, list):
        for number, value in enumerate(listed(values)):
            yield from _in_values(value, (*path, number))
    fields: Mapping[str, Any] = mapping(values)
    if _is_open(fields, {}):
        yield (*path, "type") if "type" in fields else (*path, "annotations", ANNOTATION)
    for key, value in fields.items():
        yield from _in_values(value, (*path, key))


SCALERS = {"HorizontalPodAutoscaler": "scaleTargetRef", "Canary": "targetRef"}
"""Kind → the field that names what it scales. Flagger scales a Canary's target to nothing between two releases."""


@rule("E17", Stage.ORDER, Severity.ERROR)
def replicas_beside_autoscaler(model: Model) -> Iterator[Finding]:
    """E17: a workload sets replicas although something else scales it.

    Flux applies its number again at each interval, and the autoscaler or Flagger sets its own: under load the workload
    shrinks every few minutes, or an idle canary wakes.

    Bad:
        kind: Deployment
        spec: {replicas: 1}   # and an HPA that targets it

    Good:
        kind: Deployment
        spec: {}              # the HPA's minReplicas counts
    """
    scaled = {
        (str(at(each.spec, field, "kind")), each.namespace, str(at(each.spec, field, "name"))): each.label
        for each in model.tree.objects
        for field in [SCALERS.get(each.kind, "")]
        if field
    }
    for each in model.tree.objects:
        scaler = scaled.get((each.kind, each.namespace, each.name))
        if scaler and "replicas" in each.spec:
            why = f"Flux sets its replicas again at each interval, against {scaler}, which scales it"
            yield replicas_beside_autoscaler.at(each, "spec", "replicas", why=why, remedy="take replicas out")
