"""Where a stack's things are whose state has lost them: in the only VPC that carries the stack's tags."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from common.errors import CannotRunError, UnknownError
from teardown import probe
from teardown.kinds.stack import VPC

if TYPE_CHECKING:
    from common.aws import Aws
    from teardown.target import Target


def locate(aws: Aws, target: Target) -> Target:
    """The target with the VPC that carries the stack's exact tags; as it is where there is none.

    Raises:
        FleetError: two carry them, and one may be another's copy.
        UnknownError: AWS does not say.
    """
    if target.vpc_id:
        return target
    findings = probe.look(aws, target, kinds=[VPC])
    if findings.unknown:
        raise UnknownError("; ".join(findings.unknown))
    candidates = sorted(each.id for each in findings.ours)
    if len(candidates) > 1:
        raise CannotRunError(
            f"{' and '.join(candidates)} carry the stack's tags: name the VPC of {target.cluster} with --vpc, "
            "or take the tags from the other"
        )
    return replace(target, vpc_id=candidates[0]) if candidates else target
