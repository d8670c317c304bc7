"""I4: a marker stands beside a value that it must not write.

`:tag` writes a tag, `:name` a name and `:digest` a digest; without any of them the whole image is written, the registry
with it. A variable in the value is overwritten by the first update, and the manifest is of one account from then on. A
policy that reflects no digest writes an empty one.

Bad:
    image: ${ECR_REGISTRY}/app:v1.0.0 # {"$imagepolicy": "flux-system:app"}

Good:
    newTag: v1.0.0 # {"$imagepolicy": "flux-system:app:tag"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import images
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("I4", Stage.ORDER, Severity.ERROR)

FIELDS = {"": ("image",), "tag": ("tag",), "name": ("name", "repository"), "digest": ("digest",)}
"""Part of a marker → how the names of fields end that hold it."""

MEANING = {"": "a whole image", "tag": "a tag", "name": "a name without a tag", "digest": "a digest"}


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such marker."""
    policies = images.policies(model.tree)
    for marker in model.markers:
        policy = policies.get(marker.policy)
        wanted = FIELDS[marker.part]
        if "${" in marker.value:
            why = f"an update overwrites {marker.value}, and its variable is lost"
            remedy = "give the tag a field of its own, as images.newTag of a kustomization file, with :tag"
        elif not any(field == marker.key.lower() or marker.key.lower().endswith(field) for field in wanted):
            why = f"it writes {MEANING[marker.part]} into {marker.key or 'a line that sets no field'}"
            remedy = f"put it beside {' or '.join(wanted)}"
        elif marker.part == "digest" and policy and policy.spec.get("digestReflectionPolicy") in (None, "Never"):
            why = f"ImagePolicy {policy.id} reflects no digest: an update would write an empty one"
            remedy = "set the policy's digestReflectionPolicy to IfNotPresent or Always"
        else:
            continue
        yield rule.on(marker.file, marker.line, f"marker {marker.policy}", why=why, remedy=remedy)
