"""Runs the stages in Flux's order; the one that finds an error is the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks import binaries, tree
from checks.findings import Finding, Severity, Stage
from checks.model import Model
from checks.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from checks.config import Config


@dataclass(frozen=True)
class Report:
    """What a run has found."""

    findings: tuple[Finding, ...]
    """By stage, then file and line."""
    done: tuple[Stage, ...]
    """The stages that ran."""
    left: tuple[Stage, ...]
    """Those that did not, because one before them found an error."""
    kustomizations: int
    objects: int

    def count(self, severity: Severity) -> int:
        """How many findings are of a severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def fails(self, *, strict: bool) -> bool:
        """Whether the repository is refused: for errors, and if strict for warnings too, never for notes."""
        return bool(self.count(Severity.ERROR) or (strict and self.count(Severity.WARNING)))


def run(
    root: Path,
    config: Config,
    *,
    stages: Collection[Stage] = tuple(Stage),
    use_cache: bool = True,
    began: Callable[[Stage], None] = lambda _: None,
) -> Report:
    """Check a repository.

    Args:
        root: its folder.
        config: what is known of it.
        stages: those to run.
        use_cache: whether to believe what the tools said of the same objects before.
        began: told each stage as it begins.

    Raises:
        FleetError: a stage could not run.
    """
    found: list[Finding] = []
    done: list[Stage] = []
    wanted = [stage for stage in Stage if stage in stages]
    model = Model(tree.read(root, config), use_cache)
    for stage in wanted:
        began(stage)
        if stage is not Stage.YAML and not model.tree.kustomizations:
            model = Model(tree.build(model.tree, binaries.kustomize()), use_cache)
        findings = [finding for rule in RULES if rule.stage is stage for finding in rule.check(model)]
        found += sorted(findings, key=lambda finding: (finding.place, finding.rule, finding.object, finding.why))
        done.append(stage)
        if any(finding.severity is Severity.ERROR for finding in findings):
            break
    objects = sum(1 for _ in model.tree.objects)
    return Report(tuple(found), tuple(done), tuple(wanted[len(done) :]), len(model.tree.kustomizations), objects)
