"""E9: a manifest that no Flux Kustomization applies.

A kustomization file is used as it is: what it does not list is silently left out, and so is all that lies beneath it.

Bad:
    # kustomization.yaml beside deployment.yaml and hpa.yaml
    resources: [deployment.yaml]

Good:
    resources: [deployment.yaml, hpa.yaml]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import kustomize
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E9", Stage.BUILD, Severity.WARNING)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each file under the path of a Kustomization that none of them reads."""
    reached = {file for each in model.tree.kustomizations for file in each.reach.files}
    for name, file in model.tree.files.items():
        above = [each for each in model.tree.kustomizations if each.covers(name)]
        is_manifest = bool(file.documents) and name.rpartition("/")[2] not in kustomize.KUSTOMIZATION_FILES
        if above and name not in reached and is_manifest and not model.tree.is_unbuilt(above):
            owner = max(above, key=lambda each: len(each.path))
            why = f"it lies under {owner.path}, but no kustomization file lists it: it is never applied"
            yield rule.on(name, 1, name, why=why, remedy="list it, or rename it so that it does not end in .yaml")
