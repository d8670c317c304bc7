"""Y1: yamllint finds what makes a file no YAML, or not what it looks like.

source-controller takes any file, and kustomize-controller then fails on the whole folder. Style is not looked at,
unless the repository has a configuration of yamllint's of its own.

Bad:
    data:
    \tkey: value   # a tab

Good:
    data:
      key: value
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from checks import yamllint
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("Y1", Stage.YAML, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each of yamllint's; its warnings are warnings."""
    for problem in model.yaml_problems:
        if problem.rule not in yamllint.DUPLICATES:
            found = rule.on(
                problem.file,
                problem.line,
                problem.file,
                why=f"{problem.message} ({problem.rule or 'syntax'})",
                remedy="correct the YAML at this line",
            )
            yield found if problem.is_error else replace(found, severity=Severity.WARNING)
