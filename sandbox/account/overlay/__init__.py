"""What moto lacks or gets wrong for this stack, added through its seams: backend classes, a response class, a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.account.overlay import (
    budgets,
    default_account,
    ec2,
    ecr,
    eks,
    iam,
    kms,
    load_balancers,
    logs,
    lookups,
    s3,
    service_quotas,
)
from sandbox.account.overlay.eks import control_plane as real

if TYPE_CHECKING:
    from sandbox.account.process import ControlPlane


def install(account_id: str, control_plane: ControlPlane | None = None) -> None:
    """Put the overlay in place, before the first request: moto builds its backends and routes on first use."""
    default_account.install(account_id)
    real.REAL = control_plane
    for service in (budgets, ec2, ecr, eks, iam, kms, load_balancers, logs, s3, service_quotas):
        service.install()
    lookups.install()
