"""B4: the bootstrap's kustomization file does not list what the bootstrap writes.

`flux bootstrap` keeps a kustomization.yaml that is there as it is. Without gotk-components.yaml in it no controller
is installed, without gotk-sync.yaml nothing is ever reconciled. Before it has written gotk-sync.yaml it applies what
the list names: a file of that name, be it a remark alone, must be there.

Bad:
    resources: [kustomizations.yaml]

Good:
    resources: [gotk-components.yaml, gotk-sync.yaml, kustomizations.yaml]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import kustomize, manifests
from checks.findings import Finding, Severity, Stage
from checks.manifests import at
from checks.rule import Rule
from checks.tree import GOTK_COMPONENTS, GOTK_SYNC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("B4", Stage.BUILD, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each file that the list misses, or that is on it and missing at the first bootstrap."""
    folder = model.tree.config.bootstrap.folder
    for name in kustomize.KUSTOMIZATION_FILES:
        file = model.tree.files.get(f"{folder}/{name}")
        if file and file.documents:
            document = file.documents[0]
            line = document.line_of("resources")
            listed = [str(each).removeprefix("./") for each in manifests.listed(at(document.data, "resources"))]
            for wanted in (GOTK_COMPONENTS, GOTK_SYNC):
                if wanted not in listed:
                    why = f"flux bootstrap keeps this file, and without {wanted} Flux is not installed by it"
                    yield rule.on(file.name, line, "Kustomization", why=why, remedy=f"add {wanted} to its resources")
            if GOTK_SYNC in listed and f"{folder}/{GOTK_SYNC}" not in model.tree.files:
                why = f"the first flux bootstrap applies this list before it has written {GOTK_SYNC}, and fails"
                remedy = f"add {folder}/{GOTK_SYNC} with a remark in it, which the bootstrap replaces"
                yield rule.on(file.name, line, "Kustomization", why=why, remedy=remedy)
