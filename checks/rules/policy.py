"""The stage policy: the policies of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model


@rule("P1", Stage.POLICY, Severity.ERROR)
def policy_violation(model: Model) -> Iterator[Finding]:
    """P1: an object violates a policy of the repository.

    The policies stand in the folder that checks.yaml names; Kyverno's own command line tries them on every object as
    Flux would apply it, variables replaced. Which policy it is, and what to do, is in the policy's message.

    Bad:
        image: nginx

    Good:
        image: 123456789012.dkr.ecr.eu-west-2.amazonaws.com/nginx:v1.29.1
    """
    for each in model.violations:
        remedy = f"change it as the policy {each.policy} says, or the policy"
        why = f"{each.policy}: {each.message.rstrip('.')}"
        severity = Severity.ERROR if each.denies else Severity.WARNING
        yield policy_violation.at(each.object, "spec", why=why, remedy=remedy, severity=severity)
