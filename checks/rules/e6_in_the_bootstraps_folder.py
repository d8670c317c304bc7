"""E6: a custom resource of another CRD than Flux's own stands in the folder that the bootstrap applies.

`flux bootstrap` applies that folder itself, before any HelmRelease can have installed anything, and before the Git
credentials are in the cluster: it fails, and so does the rebuild.

Bad:
    # k8s/flux-system/flux-system/monitor.yaml
    kind: PodMonitor

Good:
    # k8s/infrastructure-configs/monitor.yaml, in a Kustomization that depends on who installs the CRD
    kind: PodMonitor
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E6", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such object."""
    folder, root = model.tree.config.bootstrap.folder, model.tree.bootstrap.id
    for custom in model.flux.customs:
        by_manifest = any(provider.owner == root and provider.release is None for provider in custom.providers)
        if custom.object.file.startswith(f"{folder}/") and not by_manifest:
            yield rule.at(
                custom.object,
                "kind",
                why=f"flux bootstrap applies {folder} before any other CRD is there: it fails",
                remedy="move it to a Kustomization that depends on the one that installs its CRD",
            )
