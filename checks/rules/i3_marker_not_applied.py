"""I3: a marker stands in a file that no Flux Kustomization applies.

The tag is updated and committed, and the cluster never sees it.

Bad:
    # k8s/applications/app/kustomization.yaml has the marker; k8s/applications/kustomization.yaml does not list app

Good:
    resources: [app]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("I3", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such marker."""
    applied = {file for each in model.tree.kustomizations for file in each.reach.files}
    for marker in model.markers:
        if marker.file not in applied:
            why = f"no Flux Kustomization applies {marker.file}: an update would never reach the cluster"
            remedy = "list the file, or take the marker out"
            yield rule.on(marker.file, marker.line, f"marker {marker.policy}", why=why, remedy=remedy)
