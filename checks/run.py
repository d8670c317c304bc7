"""Runs the stages in Flux's order, for each cluster; the one that finds an error is the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks import binaries, tree
from checks.exclusions import RULE, Exclusions
from checks.findings import Finding, Severity, Stage
from checks.model import Model
from checks.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from checks.config import Config


@dataclass(frozen=True)
class NotFollowed:
    """What Flux applies, or takes from elsewhere, and was not looked at."""

    kustomizations: int = 0
    """Flux Kustomizations of other sources."""
    sources: int = 0
    """Those sources."""
    remotes: int = 0
    """Bases that are not in the repository."""


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
    not_followed: NotFollowed = NotFollowed()

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
    keep_going: bool = False,
    began: Callable[[Stage], None] = lambda _: None,
) -> Report:
    """Check a repository, all its clusters.

    Args:
        root: its folder.
        config: what is known of it.
        stages: those to run.
        use_cache: whether to believe what the tools said of the same objects before.
        keep_going: whether a stage runs although one before it found an error.
        began: told each stage as it begins.

    Raises:
        FleetError: a stage could not run, there is nothing to look at, or the settings name a rule that is not known.
    """
    exclusions = Exclusions.of(config, [*(rule.id for rule in RULES), RULE])
    models = [Model(tree.read(root, each), use_cache) for each in config.of_each_cluster()]
    for model in models:
        exclusions.read(model.tree.files)
    found: list[Finding] = []
    done: list[Stage] = []
    wanted = [stage for stage in Stage if stage in stages]
    for stage in wanted:
        began(stage)
        if stage is not Stage.YAML and not models[0].tree.kustomizations:
            models = [Model(tree.build(model.tree, binaries.kustomize()), use_cache) for model in models]
        findings = exclusions.adjusted(_found(models, stage))
        found += findings
        done.append(stage)
        if any(finding.severity is Severity.ERROR for finding in findings) and not keep_going:
            break
    ran = [rule.id for rule in RULES if rule.stage in done]
    found += sorted(exclusions.unneeded(ran, models[0].tree.files), key=lambda finding: finding.place)
    return Report(
        tuple(found),
        tuple(done),
        tuple(wanted[len(done) :]),
        sum(len(model.tree.kustomizations) for model in models),
        sum(1 for model in models for _ in model.tree.objects),
        _not_followed(models),
    )


def _found(models: Sequence[Model], stage: Stage) -> list[Finding]:
    """What a stage finds, once for all the clusters that share it."""
    findings = {finding for model in models for rule in RULES if rule.stage is stage for finding in rule.check(model)}
    return sorted(findings, key=lambda finding: (finding.place, finding.rule, finding.object, finding.why))


def _not_followed(models: Sequence[Model]) -> NotFollowed:
    trees = [model.tree for model in models]
    return NotFollowed(
        sum(len(each.foreign) for each in trees),
        len({tree.source_of(one.manifest) for each in trees for one in each.foreign}),
        len({remote for each in trees for remote in each.remotes}),
    )
