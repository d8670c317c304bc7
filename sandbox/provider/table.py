"""Every resource type that the stand-in knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import budgets, ecr, eks, iam, instances, kms, logs, s3, security_groups, vpc
from .errors import ProviderError

if TYPE_CHECKING:
    from .row import Row

ROWS: dict[str, Row] = {
    row.type: row
    for service in (vpc, security_groups, instances, iam, eks, s3, kms, ecr, logs, budgets)
    for row in service.ROWS
}
"""The rows by token, as `aws:ec2/vpc:Vpc`."""


def row_of(token: str) -> Row:
    """The row of a resource type. Raises ProviderError for a type that the stand-in does not know."""
    try:
        return ROWS[token]
    except KeyError:
        raise ProviderError(
            f"{token}: the stand-in for pulumi-aws has no such resource type; add a row to sandbox/provider"
        ) from None
