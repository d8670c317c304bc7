"""The stage order: the expressions by which Flux decides whether something is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import cel
from checks.findings import Finding, Severity, Stage
from checks.manifests import mappings
from checks.references import HELM_RELEASE, KUSTOMIZATION
from checks.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.manifests import Path
    from checks.model import Model
    from checks.tree import Object

READY = frozenset({"self", "dep"})
"""What a readyExpr may name: the object that depends, and the one that it depends on."""


@rule("E27", Stage.ORDER, Severity.ERROR)
def no_expression(model: Model) -> Iterator[Finding]:
    """E27: a readyExpr or a healthCheckExpr is no CEL expression.

    Flux cannot evaluate it, and does not try again ("failed to parse the CEL expression"). A readyExpr knows `self`
    and `dep` alone.

    Bad:
        dependsOn:
          - name: infrastructure
            readyExpr: dependency.status.ready = true

    Good:
        dependsOn:
          - name: infrastructure
            readyExpr: dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')
    """
    for each in model.world.objects:
        if (each.group, each.kind) not in {KUSTOMIZATION, HELM_RELEASE} or each.spec.get("suspend") is True:
            continue
        for path, text, variables in _expressions(each):
            try:
                cel.check(text, variables)
            except cel.CelError as problem:
                if model.world.is_certain(each, *path):
                    why = f"failed to parse the CEL expression '{text}': {problem}"
                    remedy = "correct it" if variables is None else "correct it: it may use self and dep"
                    yield no_expression.at(each, *path, why=" ".join(why.split()), remedy=remedy)


def _expressions(each: Object) -> Iterator[tuple[Path, str, frozenset[str] | None]]:
    """Where one is, the expression, and the variables that it may use, None where Flux does not look at them.

    Source: fluxcd/pkg runtime, cel.NewExpression: a readyExpr is compiled, a healthCheckExpr only parsed.
    """
    for number, entry in enumerate(mappings(each.spec.get("dependsOn"))):
        if isinstance(text := entry.get("readyExpr"), str) and text:
            yield ("spec", "dependsOn", number, "readyExpr"), text, READY
    for number, entry in enumerate(mappings(each.spec.get("healthCheckExprs"))):
        for name in ("current", "inProgress", "failed"):
            if isinstance(text := entry.get(name), str) and text:
                yield ("spec", "healthCheckExprs", number, name), text, None
