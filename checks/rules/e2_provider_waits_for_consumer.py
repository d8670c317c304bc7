"""E2: whoever installs the CRD of a custom resource waits, in the end, for the Kustomization that needs it.

The one cannot be applied without the CRD, the other not before the one is Ready, by dependsOn or for want of another
CRD: both wait for ever.

Bad:
    # infrastructure (installs kube-prometheus-stack): dependsOn: [{name: applications}]
    # applications: a ServiceMonitor

Good:
    # applications: dependsOn: [{name: infrastructure}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E2", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each custom resource all of whose providers wait for it."""
    groups = {name: group for group in model.flux.stuck for name in group}
    for custom in model.flux.customs:
        each = custom.object
        owners = {provider.owner for provider in custom.providers}
        others = sorted(owners - {each.owner})
        if others and owners <= groups.get(each.owner, frozenset()):
            yield rule.at(
                each,
                "kind",
                why=f"its CRD comes with the Kustomization {others[0]}, which waits for {each.owner}: never Ready",
                remedy=f"let {each.owner} depend on {others[0]}, and nothing of {others[0]} on {each.owner}",
            )
