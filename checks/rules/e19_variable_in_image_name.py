"""E19: the name of an image in a kustomization file has a variable in it.

kustomize reads the name as a regular expression and knows no variables, which Flux replaces only afterwards: `${…}`
never matches, and the tag beside it is never set.

Bad:
    images:
      - name: ${ECR_REGISTRY}/app
        newTag: v1.2.3

Good:
    images:
      - name: app
        newName: ${ECR_REGISTRY}/app
        newTag: v1.2.3
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import kustomize
from checks.findings import Finding, Severity, Stage
from checks.manifests import at, listed
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E19", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such name."""
    reached = {file for each in model.tree.kustomizations for file in each.reach.files}
    for name in sorted(reached & model.tree.files.keys()):
        if name.rpartition("/")[2] not in kustomize.KUSTOMIZATION_FILES:
            continue
        for document in model.tree.files[name].documents:
            for number, image in enumerate(listed(at(document.data, "images"))):
                if "${" in str(at(image, "name")):
                    why = f"kustomize reads the name {at(image, 'name')} as a regular expression: it never matches"
                    line = document.line_of("images", number, "name")
                    remedy = "give the container a plain image name, and put the variable into newName"
                    yield rule.on(name, line, "Kustomization", why=why, remedy=remedy)
