"""What `--explain` prints."""

from __future__ import annotations

import difflib

from checks import exclusions
from checks.rules import RULES
from common.errors import CannotRunError


def text(name: str) -> str:
    """A rule's explanation, stage and severity. Raises FleetError for a name that is none."""
    known = {rule.id: rule for rule in RULES}
    if name.upper() == exclusions.RULE:
        return f"{exclusions.EXPLANATION}\n\nAfter all stages. Severity: note."
    rule = known.get(name.upper())
    if rule is None:
        near = difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise CannotRunError(f"unknown rule {name}; {hint}")
    return f"{rule.explanation}\n\nStage: {rule.stage.value}. Severity: {rule.severity.value}."
