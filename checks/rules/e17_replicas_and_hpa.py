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

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.manifests import at
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E17", Stage.ORDER, Severity.ERROR)

SCALERS = {"HorizontalPodAutoscaler": "scaleTargetRef", "Canary": "targetRef"}
"""Kind → the field that names what it scales. Flagger scales a Canary's target to nothing between two releases."""


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such workload."""
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
            yield rule.at(each, "spec", "replicas", why=why, remedy="take replicas out")
