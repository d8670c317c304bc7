"""The stage yaml: whether a file is YAML at all, and says what it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import yamllint
from checks.findings import Finding, Severity, Stage
from checks.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model


@rule("Y1", Stage.YAML, Severity.ERROR)
def yamllint_problem(model: Model) -> Iterator[Finding]:
    """Y1: a file is not valid YAML, or yamllint finds that it does not mean what it looks like.

    kustomize-controller fails on the whole folder. Files that no kustomization file leads to are not looked at. Style
    is neither, unless the repository has its own configuration of yamllint, whose style rules are warnings here.

    Bad:
        data:
        \tkey: value   # a tab

    Good:
        data:
          key: value
    """
    for problem in model.yaml_problems:
        if problem.rule not in yamllint.DUPLICATES:
            yield yamllint_problem.on(
                problem.file,
                problem.line,
                problem.file,
                why=f"{problem.message} ({problem.rule or 'syntax'})",
                remedy="correct the YAML at this line",
                severity=_severity(problem),
            )


def _severity(problem: yamllint.Problem) -> Severity:
    """What does not parse fails a build; what else a repository's own configuration calls an error is style."""
    is_fatal = problem.rule in yamllint.FATAL or "undeclared alias" in problem.message
    return Severity.ERROR if problem.is_error and is_fatal else Severity.WARNING


@rule("Y2", Stage.YAML, Severity.ERROR)
def duplicate_key(model: Model) -> Iterator[Finding]:
    """Y2: a mapping has a key twice.

    The parsers of the chain do not agree on which one counts: kustomize refuses the file, others take the last in
    silence.

    Bad:
        limits: {cpu: 100m}
        limits: {memory: 64Mi}

    Good:
        limits: {cpu: 100m, memory: 64Mi}
    """
    for problem in model.yaml_problems:
        if problem.rule in yamllint.DUPLICATES:
            why, remedy = f"mapping key already defined: {problem.message}", "merge the two, or take one out"
            yield duplicate_key.on(problem.file, problem.line, problem.file, why=why, remedy=remedy)


@rule("Y3", Stage.YAML, Severity.ERROR)
def not_utf8(model: Model) -> Iterator[Finding]:
    """Y3: a file is not UTF-8.

    kustomize reads YAML as UTF-8 alone.

    Bad:
        # saved as Latin-1
        greeting: Grüße

    Good:
        # saved as UTF-8
        greeting: Grüße
    """
    for name in sorted(model.tree.checked):
        if model.tree.files[name].broken:
            yield not_utf8.on(name, 1, name, why="it is not UTF-8", remedy="save it as UTF-8")
