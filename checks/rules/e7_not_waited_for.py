"""E7: a custom resource's CRD comes with another Kustomization, which is not waited for.

It fails at first and is tried again each retryInterval until the other one is there: slow, noisy, and Ready by luck.

Bad:
    # applications has a ServiceMonitor and no dependsOn

Good:
    # applications
    dependsOn: [{name: infrastructure}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E7", Stage.ORDER, Severity.WARNING)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each object none of whose providers is waited for."""
    stuck = {name for group in model.flux.stuck for name in group}
    for custom in model.flux.customs:
        each = custom.object
        owners = {provider.owner for provider in custom.providers}
        there = any(model.flux.is_there(each.owner, provider) for provider in custom.providers)
        waited_for = there or owners & model.flux.before(each.owner)
        if owners and not waited_for and each.owner not in stuck:
            other = min(owners - {each.owner})
            why = f"its CRD comes with the Kustomization {other}, which {each.owner} does not wait for"
            remedy = f"add {other.rpartition('/')[2]} to the dependsOn of {each.owner}"
            yield rule.at(each, "kind", why=why, remedy=remedy)
