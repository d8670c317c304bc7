"""S3: an object uses a variable, but its Kustomization substitutes none.

Without spec.postBuild, or with a postBuild that has no value at all, Flux applies the text as it is: the cluster gets
the literal ${…}.

Bad:
    # applications has no postBuild
    image: ${ECR_REGISTRY}/app

Good:
    # applications
    postBuild:
      substituteFrom: [{kind: ConfigMap, name: terraform-outputs}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import variables
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("S3", Stage.SUBSTITUTION, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each object that uses a variable of the repository's; others' are left alone."""
    declared = {key for keys in model.tree.config.variables.values() for key in keys}
    for each in model.used_variables:
        if each.owner.substitutes:
            continue
        names = list(dict.fromkeys(use.name for use in each.uses if use.name in declared))
        if names:
            yield rule.on(
                each.object.file,
                variables.line(model.tree, each.object, f"${{{names[0]}"),
                each.object.label,
                why=f"{each.owner.id} substitutes nothing: ${{{names[0]}}} would be applied as it is",
                remedy=f"give {each.owner.id} a postBuild.substituteFrom that has {names[0]}",
            )
