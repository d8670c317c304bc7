"""I2: a marker stands where no ImageUpdateAutomation writes.

An automation looks at the files under its update.path alone.

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

    from checks.tree import Tree

rule = Rule("I2", Stage.ORDER, Severity.ERROR)


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each such marker."""
    paths = images.update_paths(tree)
    for marker in images.markers(tree):
        if not any(path == "." or marker.file.startswith(f"{path}/") for path in paths):
            where = f"they write to {', '.join(paths)}" if paths else "there is none"
            why = f"no ImageUpdateAutomation writes here: {where}"
            remedy = "move the file beneath an update.path, or the path above the file"
            yield rule.on(marker.file, marker.line, f"marker {marker.policy}", why=why, remedy=remedy)
