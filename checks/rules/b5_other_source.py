"""B5: a Flux Kustomization applies what another source holds.

What it applies is not in this repository, so nothing of it was checked here, nor counted as there for others.

Bad:
    sourceRef: {kind: OCIRepository, name: platform}

Good:
    sourceRef: {kind: GitRepository, name: flux-system}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import manifests
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("B5", Stage.BUILD, Severity.NOTE)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each."""
    for each in model.tree.foreign:
        source = manifests.mapping(each.spec.get("sourceRef"))
        why = f"it applies what {source.get('kind')} {source.get('name')} holds: that is not checked"
        yield rule.at(each, "spec", "sourceRef", why=why, remedy="check it in its own repository")
