"""B1: kustomize refuses to build what a Flux Kustomization applies.

kustomize-controller runs the same build; the Kustomization never becomes Ready, and nothing of it is applied.

Bad:
    # kustomization.yaml
    resources:
      - deploymnet.yaml   # there is no such file

Good:
    # kustomization.yaml
    resources:
      - deployment.yaml
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("B1", Stage.BUILD, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each Flux Kustomization that cannot be built."""
    for each in model.tree.kustomizations:
        if each.problem:
            remedy = f"make `kustomize build {each.path}` succeed"
            yield rule.at(each.object, "spec", "path", why=each.problem, remedy=remedy)
