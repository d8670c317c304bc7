"""Y2: a mapping has a key twice.

The parsers of the chain do not agree on which one counts: kustomize refuses the file, others take the last in
silence.

Bad:
    limits: {cpu: 100m}
    limits: {memory: 64Mi}

Good:
    limits: {cpu: 100m, memory: 64Mi}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import yamllint
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("Y2", Stage.YAML, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each second key."""
    for problem in model.yaml_problems:
        if problem.rule in yamllint.DUPLICATES:
            why = f"mapping key already defined: {problem.message}"
            yield rule.on(problem.file, problem.line, problem.file, why=why, remedy="merge the two, or take one out")
