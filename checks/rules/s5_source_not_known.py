"""S5: values come from a ConfigMap or Secret that nobody is known to make.

If it is not there, every build fails ("substitute from 'ConfigMap/x' error: configmaps \"x\" not found"), even of
objects without variables. checks.yaml declares those that are made outside of the tree.

Bad:
    substituteFrom: [{kind: ConfigMap, name: terraform-output}]

Good:
    substituteFrom: [{kind: ConfigMap, name: terraform-outputs}]
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from checks import variables
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("S5", Stage.SUBSTITUTION, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each source that is neither declared nor optional."""
    for owner in model.tree.kustomizations:
        for source in variables.sources(owner):
            if source.name not in model.tree.config.variables and not source.optional:
                near = difflib.get_close_matches(source.name, model.tree.config.variables, n=1)
                hint = f": did you mean {near[0]}?" if near else ""
                yield rule.at(
                    owner.object,
                    *("spec", "postBuild", "substituteFrom", source.number),
                    why=f"substitute from '{source.name}': not found, for all that checks.yaml knows",
                    remedy=f"declare it under variables in checks.yaml, or correct its name{hint}",
                )
