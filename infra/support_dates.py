"""The days on which pins leave support: previews warn of them, no commit ever turns red by the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.contract import prices, versions

if TYPE_CHECKING:
    from datetime import date

WARN_DAYS = 90
"""How long before the end of support a preview begins to warn."""


def ending(kubernetes: str, today: date, *, within_days: int) -> str | None:
    """Say that a Kubernetes version's standard support ends soon or has ended, or None when it does not."""
    until = versions.KUBERNETES[kubernetes].standard_support_until
    left = (until - today).days
    if left > within_days:
        return None
    when = f"ends on {until}, in {left} days" if left >= 0 else f"ended on {until}"
    return (
        f"standard support of Kubernetes {kubernetes} {when}; then EKS upgrades the cluster by itself, or charges "
        f"${prices.EKS_CLUSTER_EXTENDED_SUPPORT_HOUR:.2f} instead of ${prices.EKS_CLUSTER_HOUR:.2f} an hour: "
        "raise infra-fleet:kubernetesVersion"
    )


def warnings(kubernetes: str, today: date) -> list[str]:
    """What a preview warns of: support that ends soon."""
    notice = ending(kubernetes, today, within_days=WARN_DAYS)
    return [notice] if notice else []
