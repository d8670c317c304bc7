"""E14: an image automation object is in a Kustomization that others wait for.

An ImageRepository is Ready only once its registry was scanned. A registry that cannot be reached, or an image that
was never pushed, then holds back everything that depends on the Kustomization.

Bad:
    # infrastructure (wait: true, applications depend on it) applies an ImageRepository

Good:
    # a Kustomization image-automation that nothing depends on, without wait
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.images import IMAGE_GROUP
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E14", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such object."""
    for each in model.tree.objects:
        if each.group != IMAGE_GROUP or not model.flux.kustomization(each.owner).waits:
            continue
        waiting = sorted(other.id for other in model.tree.kustomizations if each.owner in model.flux.before(other.id))
        if waiting:
            why = (
                f"{', '.join(waiting)} would wait for {each.owner}, which a registry that cannot be scanned holds back"
            )
            remedy = "give image automation a Kustomization of its own, without wait, that nothing depends on"
            yield rule.at(each, "kind", why=why, remedy=remedy)
