"""E17: a workload sets replicas although a HorizontalPodAutoscaler scales it.

Flux applies its number again at each interval, and the autoscaler sets its own: under load the workload shrinks every
few minutes.

Bad:
    kind: Deployment
    spec: {replicas: 1}   # and an HPA that targets it

Good:
    kind: Deployment
    spec: {}              # the HPA's minReplicas counts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.manifests import at
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.tree import Tree

rule = Rule("E17", Stage.ORDER, Severity.ERROR)


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each such workload."""
    scaled = {
        (str(at(each.spec, "scaleTargetRef", "kind")), each.namespace, str(at(each.spec, "scaleTargetRef", "name")))
        for each in tree.objects
        if each.kind == "HorizontalPodAutoscaler"
    }
    for each in tree.objects:
        if (each.kind, each.namespace, each.name) in scaled and "replicas" in each.spec:
            why = "Flux sets its replicas again at each interval, against the HorizontalPodAutoscaler that scales it"
            yield rule.at(each, "spec", "replicas", why=why, remedy="take replicas out")
