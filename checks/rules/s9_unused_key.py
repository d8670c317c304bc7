"""S9: a declared value is used by no object.

Nothing breaks. But a key that nothing needs is one more that the bootstrap has to know, and a misspelt use of it may be
what was meant.

Bad:
    # checks.yaml declares AWS_ACCOUNT_ID, and no manifest has ${AWS_ACCOUNT_ID}

Good:
    # a manifest has it, or the source does not
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.config import FILE
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("S9", Stage.SUBSTITUTION, Severity.NOTE)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each key that no object uses, policies aside."""
    uses = {use.name for each in model.used_variables for use in each.uses}
    file = model.tree.files.get(FILE)
    for source, keys in model.tree.config.variables.items():
        for key in keys:
            if key not in uses:
                line = file.documents[0].line_of("variables", source, key) if file and file.documents else 1
                why, remedy = "no object uses it", "leave it if a cluster's people read it there, else take it out"
                yield rule.on(FILE, line, f"{key} of {source}", why=why, remedy=remedy)
