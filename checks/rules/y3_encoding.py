"""Y3: a file is no UTF-8.

kustomize reads YAML as UTF-8 alone.

Bad:
    # saved as Latin-1
    greeting: Grüße

Good:
    # saved as UTF-8
    greeting: Grüße
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("Y3", Stage.YAML, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such file."""
    for name in model.tree.checked:
        if model.tree.files[name].broken:
            yield rule.on(name, 1, name, why="it is no UTF-8", remedy="save it as UTF-8")
