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

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from checks import kustomize
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model
    from checks.tree import Kustomization

rule = Rule("B3", Stage.BUILD, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each link that a Flux Kustomization would read; others may be there."""
    for link in model.tree.artifact.symlinks:
        if any(_is_named(each, link) or _is_generated(model, each, link) for each in model.tree.kustomizations):
            why = "a symlink, which source-controller leaves out of the artifact"
            yield rule.on(link, 1, link, why=why, remedy="put the file itself here, or name it where it is")


def _is_named(each: Kustomization, link: str) -> bool:
    """Whether a kustomization file names the link, or something behind it."""
    return any(name == link or name.startswith(f"{link}/") for name in each.reach.missing)


def _is_generated(model: Model, each: Kustomization, link: str) -> bool:
    """Whether the link would be a resource, since no kustomization file stands in or above its folder."""
    above = [folder.as_posix() for folder in PurePosixPath(link).parents if each.covers(f"{folder.as_posix()}/")]
    listed = any(
        f"{folder}/{name}".removeprefix("./") in model.tree.artifact.files
        for folder in above
        for name in kustomize.KUSTOMIZATION_FILES
    )
    is_resource = link.endswith(kustomize.MANIFESTS) or (model.tree.root / link).is_dir()
    return each.covers(link) and is_resource and not listed
