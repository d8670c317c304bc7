"""S1: Flux cannot parse what looks like a variable.

The object's build fails ("variable substitution failed: missing closing brace"), and with it the whole Kustomization.
A `${…}` that is meant for somebody else, a shell or Grafana, has to be escaped or switched off.

Bad:
    query: rate(x[${__interval.window}])

Good:
    query: rate(x[$${__interval.window}])   # or the annotation kustomize.toolkit.fluxcd.io/substitute: disabled
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import variables
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("S1", Stage.SUBSTITUTION, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each object of a Kustomization that substitutes."""
    for each in model.used_variables:
        if each.problem and each.owner.substitutes:
            yield rule.on(
                each.object.file,
                variables.line(model.tree, each.object, "${"),
                each.object.label,
                why=f"post build failed: envsubst error: variable substitution failed: {each.problem}",
                remedy="write $${ for what is not Flux's, or annotate the object with "
                "kustomize.toolkit.fluxcd.io/substitute: disabled",
            )
