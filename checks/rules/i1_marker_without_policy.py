"""I1: a marker names no ImagePolicy of the tree, or is none.

image-automation-controller leaves such a line alone, in silence: the image is never updated.

Bad:
    newTag: v1.0.0 # {"$imagepolicy": "flux-system:load-harnes:tag"}

Good:
    newTag: v1.0.0 # {"$imagepolicy": "flux-system:load-harness:tag"}
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from checks import images
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("I1", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such marker."""
    policies = images.policies(model.tree)
    for marker in model.markers:
        about = f"marker {marker.policy}".strip()
        if not marker.policy:
            why = 'it is no {"$imagepolicy": "<namespace>:<policy>"}, with :tag, :name or :digest after it or nothing'
            yield rule.on(marker.file, marker.line, about, why=why, remedy="write it so")
        elif marker.policy not in policies:
            near = difflib.get_close_matches(marker.policy, policies, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(policies) or 'none'}"
            why = f"there is no ImagePolicy {marker.policy}: the value is never updated"
            yield rule.on(marker.file, marker.line, about, why=why, remedy=f"name one that is there: {hint}")
