"""E15: a Service of type LoadBalancer does not say which controller makes the load balancer.

Without spec.loadBalancerClass it is a race between the cloud provider's own controller and any other that is installed,
and the annotation that used to decide, aws-load-balancer-type: nlb, is the old controller's. They set other tags and
finalizers, so that a teardown may not find what the wrong one made. Where the AWS load balancer controller is not in
the tree, there may be one controller only, and it is a warning.

Bad:
    spec: {type: LoadBalancer}

Good:
    spec: {type: LoadBalancer, loadBalancerClass: service.k8s.aws/nlb}
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.manifests import at, listed, mapping
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from checks.manifests import Path
    from checks.model import Model

rule = Rule("E15", Stage.ORDER, Severity.ERROR)

CONTROLLER = "aws-load-balancer-controller"
ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer-type"
OURS = frozenset({"external", "nlb-ip"})
"""The values that the AWS load balancer controller takes as meant for it (its guide, "Service annotations")."""


def check(model: Model) -> Iterator[Finding]:
    """One finding for each Service, and for each place in a HelmRelease's values that describes one."""
    two = any(release.chart_name == CONTROLLER for release in model.flux.releases)
    severity = Severity.ERROR if two else Severity.WARNING
    for each in model.tree.objects:
        is_service = (each.api_version, each.kind) == ("v1", "Service")
        paths = [("spec", "type")] if is_service and _is_open(each.manifest.get("spec"), each.manifest) else []
        if each.kind == "HelmRelease":
            paths = list(_in_values(each.spec.get("values"), ("spec", "values")))
        for path in paths:
            why = "which controller makes its load balancer is a race"
            remedy = "set loadBalancerClass, such as service.k8s.aws/nlb"
            yield replace(rule.at(each, *path, why=why, remedy=remedy), severity=severity)


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
