"""E2: whoever installs the CRD of a custom resource depends on the Kustomization that needs it.

The one waits for the other for ever: the object's Kustomization cannot apply it without the CRD, and the CRD's waits
until the object's is Ready.

Bad:
    # infrastructure (installs kube-prometheus-stack): dependsOn: [{name: applications}]
    # applications: a ServiceMonitor

Good:
    # applications: dependsOn: [{name: infrastructure}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import flux
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.tree import Tree

rule = Rule("E2", Stage.ORDER, Severity.ERROR)


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each custom resource all of whose providers wait for it."""
    graph = flux.order(tree)
    for custom in flux.customs(tree):
        each = custom.object
        if custom.providers and all(each.owner in flux.after(graph, provider.owner) for provider in custom.providers):
            owner = custom.providers[0].owner
            yield rule.at(
                each,
                "kind",
                why=f"its CRD comes with the Kustomization {owner}, which waits for {each.owner}: none is ever Ready",
                remedy=f"take {each.owner} out of what {owner} depends on, and let {each.owner} depend on {owner}",
            )
