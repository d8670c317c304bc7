"""E11: a Flux Kustomization has no retryInterval.

What fails once, as much does on a cold cluster, is tried again only after the whole interval.

Bad:
    interval: 10m

Good:
    interval: 10m
    retryInterval: 1m
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E11", Stage.ORDER, Severity.WARNING)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each Kustomization, the bootstrap's own aside: `flux bootstrap` writes that."""
    for each in model.tree.kustomizations[1:]:
        if "retryInterval" not in each.spec:
            interval = each.spec.get("interval")
            why = f"after a failure it is tried again only after its interval ({interval})"
            yield rule.at(each.object, "spec", why=why, remedy="set retryInterval, such as 1m")
