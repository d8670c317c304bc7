"""K1: an object is not as the API server's schema has it.

The API server refuses the object at Flux's dry-run, and with it every other object of the same stage; a field that it
does not know is dropped there in silence, so that a misspelt one does nothing.

Bad:
    spec:
      replicaCount: 2   # a Deployment has no such field

Good:
    spec:
      replicas: 2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import schema
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("K1", Stage.SCHEMA, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each field that the schema refuses."""
    for verdict in model.verdicts:
        if verdict.outcome is not schema.Outcome.INVALID:
            continue
        kind = f"{verdict.object.api_version} {verdict.object.kind}"
        for path, message in verdict.problems or (((), verdict.message),):
            where = ".".join(map(str, path)) or "the object"
            remedy = f"correct {where} to what {kind} takes in Kubernetes {model.tree.config.kubernetes}"
            yield rule.at(verdict.object, *path, why=f"{where}: {message}", remedy=remedy)
