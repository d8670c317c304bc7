"""B3: a symlink stands where Flux would look for a file.

source-controller puts regular files into its artifact and leaves links out in silence: what is behind the link is
never applied, or the build fails for want of it.

Bad:
    k8s/applications/dashboard.json -> ../../dashboards/app.json

Good:
    # kustomization.yaml, which may name files outside its own folder
    configMapGenerator:
      - name: dashboard
        files: [../../dashboards/app.json]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.tree import Tree

rule = Rule("B3", Stage.BUILD, Severity.ERROR)


def check(tree: Tree) -> Iterator[Finding]:
    """One finding for each link under the path of a Flux Kustomization."""
    for name in tree.artifact.symlinks:
        if any(name.startswith(f"{each.path}/") for each in tree.kustomizations):
            why = "a symlink, which source-controller leaves out of the artifact"
            yield rule.on(name, 1, name, why=why, remedy="put the file itself here, or name it where it is")
