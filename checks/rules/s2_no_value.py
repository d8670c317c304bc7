"""S2: a variable has no value and no default.

Flux is strict since 2.9: the build fails ("variable not set (strict mode)"), and nothing of the Kustomization is
applied.

Bad:
    region: ${REGION}        # the ConfigMap has AWS_REGION

Good:
    region: ${AWS_REGION}    # or ${REGION:-eu-west-2}
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

rule = Rule("S2", Stage.SUBSTITUTION, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each variable of an object."""
    for each in model.used_variables:
        values = each.owner.variables or {}
        if not each.owner.substitutes:
            continue
        for name in dict.fromkeys(use.name for use in each.uses if use.name not in values and not use.has_default):
            near = difflib.get_close_matches(name, values, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(values)) or 'none'}"
            yield rule.on(
                each.object.file,
                variables.line(model.tree, each.object, f"${{{name}"),
                each.object.label,
                why=f'post build failed: variable not set (strict mode): "{name}"',
                remedy=f"give {name} a value or a default: {hint}",
            )
