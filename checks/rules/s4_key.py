"""S4: a key is no name of a variable.

One such key in a ConfigMap, Secret or postBuild.substitute fails every object of the Kustomization ("var name is
invalid").

Bad:
    substitute: {vpc-id: vpc-1}

Good:
    substitute: {VPC_ID: vpc-1}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import envsubst, variables
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("S4", Stage.SUBSTITUTION, Severity.ERROR)

REMEDY = "rename it: letters, digits and underscores, no digit first"


def check(model: Model) -> Iterator[Finding]:
    """One finding for each key, of the sources that checks.yaml declares too."""
    for owner in model.tree.kustomizations:
        for key in variables.inline(owner):
            if not envsubst.KEY.fullmatch(key):
                yield rule.at(owner.object, "spec", "postBuild", "substitute", key, why=_why(key), remedy=REMEDY)
        for source in variables.sources(owner):
            for key in model.tree.config.variables.get(source.name, {}):
                if not envsubst.KEY.fullmatch(key):
                    path = ("spec", "postBuild", "substituteFrom", source.number)
                    yield rule.at(owner.object, *path, why=f"{source.name}: {_why(key)}", remedy=REMEDY)


def _why(key: str) -> str:
    return f"'{key}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$': every object fails"
