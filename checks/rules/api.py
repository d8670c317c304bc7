"""What the API server refuses beyond the schema, found in the same stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import schema
from checks.findings import Finding, Severity, Stage
from checks.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

_REMEDIES = {
    "duplicate entries for key": "keep one of the entries with this key",
    "quantities must match": "write a number with a unit of Kubernetes: Ki, Mi, Gi, or k, M, G, or m for thousandths",
    "does not match template `labels`": "give the template the labels that the selector asks for",
}
"""Part of a message → what to do, where that is more than to read it."""


@rule("A1", Stage.SCHEMA, Severity.ERROR)
def refused_by_validation(model: Model) -> Iterator[Finding]:
    """A1: the API server refuses an object that its schema allows.

    Quantities, names and labels, selectors, volumes, ports, cron schedules, keys that may stand once in a list, and the
    CEL rules of custom resources: the API server's own code judges them here. On the cluster Flux's dry-run is refused,
    and with it every other object of the same stage.

    Bad:
        resources: {requests: {memory: 512MB}}   # no unit of Kubernetes

    Good:
        resources: {requests: {memory: 512Mi}}
    """
    wrong = {
        (verdict.object, path)
        for verdict in model.verdicts
        if verdict.outcome is schema.Outcome.INVALID
        for path, _ in verdict.problems or (((), ""),)
    }
    for each in model.refusals:
        # What its schema refuses is said once.
        if not any((each.object, each.path[:length]) in wrong for length in range(len(each.path) + 1)):
            where = each.field or "the object"
            otherwise = f"correct {where} to what {each.object.api_version} {each.object.kind} takes"
            remedy = next((remedy for said, remedy in _REMEDIES.items() if said in each.message), otherwise)
            why = f"{where}: {each.message.rstrip('.')}"
            yield refused_by_validation.at(each.object, *each.path, why=why, remedy=remedy)
