"""E15: a Service of type LoadBalancer does not say which controller makes the load balancer.

Without spec.loadBalancerClass it is a race between the cloud provider's own controller and any other that is
installed. They set other tags and finalizers, so that a teardown may not find what the wrong one made.

Bad:
    spec: {type: LoadBalancer}

Good:
    spec: {type: LoadBalancer, loadBalancerClass: service.k8s.aws/nlb}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.tree import Tree

rule = Rule("E15", Stage.ORDER, Severity.ERROR)


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each such Service."""
    for each in tree.objects:
        is_service = (each.api_version, each.kind) == ("v1", "Service")
        if is_service and each.spec.get("type") == "LoadBalancer" and not each.spec.get("loadBalancerClass"):
            why = "which controller makes its load balancer is a race"
            remedy = "set spec.loadBalancerClass, such as service.k8s.aws/nlb"
            yield rule.at(each, "spec", "type", why=why, remedy=remedy)
