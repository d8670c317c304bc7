"""E10: two Flux Kustomizations apply the same object.

Each takes it over from the other at every interval, and the first one that no longer has it deletes it from under the
other.

Bad:
    # path: ./k8s and path: ./k8s/applications, which lies in it

Good:
    # path: ./k8s/infrastructure and path: ./k8s/applications
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model
    from checks.tree import Object

rule = Rule("E10", Stage.BUILD, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each object, at its second owner's source."""
    first: dict[tuple[str, str, str], Object] = {}
    for each in model.tree.objects:
        other = first.setdefault((each.group, each.kind, each.id), each)
        if other.owner != each.owner:
            why = f"{other.owner} and {each.owner} both apply it, and take it from each other"
            yield rule.at(each, why=why, remedy="let their paths not overlap")
