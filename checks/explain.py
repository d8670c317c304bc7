"""What `--explain` prints."""

from __future__ import annotations

import difflib

from checks.findings import ChecksError
from checks.rules import RULES


def text(name: str) -> str:
    """A rule's explanation, stage and severity. Raises ChecksError for a name that is none."""
    known = {rule.id: rule for rule in RULES}
    rule = known.get(name.upper())
    if rule is None:
        near = difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise ChecksError(f"{name} is no rule; {hint}")
    return f"{rule.explanation}\n\nStage: {rule.stage.value}. Severity: {rule.severity.value}."
