"""B2: a kustomization file names a base that is not in the repository.

kustomize-controller refuses remote bases by default, and what another repository holds tomorrow was reviewed by
nobody here. Nothing is fetched to check it.

Bad:
    resources:
      - https://github.com/acme/bases//monitoring?ref=main

Good:
    resources:
      - ../bases/monitoring   # or a GitRepository and a Flux Kustomization of its own
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("B2", Stage.BUILD, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each remote base."""
    for each in model.tree.kustomizations:
        for file, line, name in each.reach.remotes:
            yield rule.on(
                file,
                line,
                f"base {name}",
                why="a remote base: Flux refuses it, and its content is not reviewed here",
                remedy="copy it into the repository, or give it a GitRepository and a Flux Kustomization of its own",
            )
