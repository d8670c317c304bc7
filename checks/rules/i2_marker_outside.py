"""I2: a marker stands where no ImageUpdateAutomation writes its policy's image.

An automation looks at the files under its update.path alone, and at the ImagePolicies of its own namespace that its
policySelector takes.

Bad:
    # ImageUpdateAutomation
    update: {path: ./k8s/apps, strategy: Setters}   # the marker is in k8s/applications

Good:
    update: {path: ./k8s/applications, strategy: Setters}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import images
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("I2", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such marker; a policy that does not exist is another rule's."""
    automations = images.of_kind(model.tree, "ImageUpdateAutomation")
    policies = images.policies(model.tree)
    for marker in model.markers:
        here = [each for each in automations if images.writes_to(each, marker.file)]
        policy = policies.get(marker.policy)
        if not here:
            paths = ", ".join(images.update_path(each) for each in automations)
            why = f"no ImageUpdateAutomation writes here: {f'they write to {paths}' if paths else 'there is none'}"
            remedy = "move the file beneath an update.path, or the path above the file"
        elif policy and not any(images.follows(each, policy) for each in here):
            named = ", ".join(each.id for each in here)
            why = f"ImageUpdateAutomation {named} does not follow ImagePolicy {policy.id}"
            remedy = "put both into one namespace, and let its policySelector, if it has one, take the policy"
        else:
            continue
        yield rule.on(marker.file, marker.line, f"marker {marker.policy}", why=why, remedy=remedy)
