"""What `--explain` prints."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING

from checks.rules import RULES
from common.errors import FleetError

if TYPE_CHECKING:
    from checks.rule import RuleModule


def text(name: str) -> str:
    """A rule's id, stage and severity, and its module's docstring. Raises FleetError for a name that is none."""
    known = {module.rule.id: module for module in RULES}
    module = known.get(name.upper())
    if module is None:
        near = difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise FleetError(f"{name} is no rule; {hint}")
    return f"{documentation(module)}\n\nStage: {module.rule.stage.value}. Severity: {module.rule.severity.value}."


def documentation(module: RuleModule) -> str:
    """The docstring of a rule's module."""
    return inspect.getdoc(module) or ""
