"""S7: a value is exactly a variable, and turns into a number, a boolean or nothing.

Flux replaces text and reads the YAML again; quotes around the variable are gone by then. Where the API wants a
string, it refuses the object; in a label, a ConfigMap, an argument or an environment it always wants one. Elsewhere
the type that checks.yaml declares tells what was meant; a Kustomization's own values have none.

Bad:
    data: {account: "${AWS_ACCOUNT_ID}"}            # becomes 123456789012, a number

Good:
    data: {registry: "account ${AWS_ACCOUNT_ID}"}   # text; or a variable with quotes in its value around it
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from checks import variables
from checks.config import Kind
from checks.findings import Finding, Severity, Stage
from checks.manifests import at, scalars
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.manifests import Path
    from checks.model import Model
    from checks.tree import Object

rule = Rule("S7", Stage.SUBSTITUTION, Severity.ERROR)

EXACTLY = re.compile(r"\$\{(\w+)\}")


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such value: of a variable that is declared to be text, or where only text may be."""
    text = {
        key
        for keys in model.tree.config.variables.values()
        for key, variable in keys.items()
        if variable.type is Kind.STRING
    }
    for each in model.used_variables:
        if not each.owner.substitutes:
            continue
        declared = text - set(variables.inline(each.owner))
        for path, before in scalars(each.object.built_data):
            found = EXACTLY.fullmatch(before) if isinstance(before, str) else None
            after = at(each.object.manifest, *path)
            if found and not isinstance(after, str) and (found[1] in declared or _is_text(each.object, path)):
                yield rule.at(
                    each.object,
                    *path,
                    why=f"{'.'.join(map(str, path))} becomes {json.dumps(after)}, which is no string",
                    remedy=f"put {before} into a longer text, or declare its type in checks.yaml if that is meant",
                )


def _is_text(each: Object, path: Path) -> bool:
    """Whether the API takes nothing but a string there."""
    match path:
        case ("data" | "stringData", _):
            return each.kind in {"ConfigMap", "Secret"}
        case (*_, "labels" | "annotations" | "matchLabels" | "nodeSelector", str()):
            return True
        case (*_, "args" | "command", int()) | (*_, "env", int(), "value"):
            return True
        case _:
            return False
