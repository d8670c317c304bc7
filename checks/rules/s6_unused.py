"""S6: a Kustomization substitutes, and none of its objects uses a variable; or it sets one that none uses.

It then waits for a ConfigMap that it does not need, and fails without it.

Bad:
    postBuild:
      substitute: {REPLICAS: "2"}   # no object has ${REPLICAS}

Good:
    # no postBuild
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import variables
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("S6", Stage.SUBSTITUTION, Severity.WARNING)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each Kustomization, and for each value of its own."""
    for owner in model.tree.kustomizations:
        if owner.variables is None or model.tree.is_unbuilt([owner]):
            continue
        uses = {use.name for each in model.used_variables if each.owner is owner for use in each.uses}
        for key in variables.inline(owner):
            if key not in uses:
                path = ("spec", "postBuild", "substitute", key)
                yield rule.at(owner.object, *path, why=f"no object uses {key}", remedy=f"take {key} out, or use it")
        if not uses and not variables.inline(owner):
            yield rule.at(
                owner.object,
                *("spec", "postBuild"),
                why="no object uses a variable, yet all fail without the sources",
                remedy="take postBuild out",
            )
