"""The days on which pins leave support: previews warn, a scheduled job fails ahead of them, no commit ever does.

`python -m infra.support` is that job: it fails when the Kubernetes version of a stack has less than `FAIL_DAYS` left.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import yaml

from infra.contract import names, prices, versions

if TYPE_CHECKING:
    from collections.abc import Iterable

WARN_DAYS = 90
"""How long before the end of support a preview begins to warn."""

FAIL_DAYS = 30
"""How long before it the scheduled job fails."""


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


def warn(kubernetes: str, today: date) -> None:
    """Warn, in previews and updates, of support that ends soon."""
    notice = ending(kubernetes, today, within_days=WARN_DAYS)
    if notice:
        pulumi.log.warn(notice)


def pins(repository: Path) -> set[str]:
    """The Kubernetes versions of the stack files in a folder."""
    key = f"{names.PROJECT}:kubernetesVersion"
    files = repository.glob("Pulumi.*.yaml")
    documents: list[dict[str, dict[str, object]]] = [yaml.safe_load(path.read_text("utf-8")) for path in files]
    return {str((document.get("config") or {}).get(key, versions.KUBERNETES_DEFAULT)) for document in documents}


def check(kubernetes: Iterable[str], today: date) -> int:
    """Print what ends within `FAIL_DAYS`, and return the exit code: 1 when anything does."""
    notices = [notice for minor in kubernetes if (notice := ending(minor, today, within_days=FAIL_DAYS))]
    for notice in notices:
        print(notice, file=sys.stderr)  # noqa: T201  # this is the job's output
    return 1 if notices else 0


if __name__ == "__main__":
    sys.exit(check(sorted(pins(Path(__file__).parent.parent)), datetime.now(UTC).date()))
