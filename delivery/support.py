"""What a scheduled job asks: whether a stack's Kubernetes version is about to leave standard support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.contract import names, versions
from infra.stack_file import config_of
from infra.support_dates import ending

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

FAIL_DAYS = 30
"""How long before the end of support the job fails."""


def pins(repository: Path) -> set[str]:
    """The Kubernetes versions of the stack files in a folder. Raises SettingsError: one cannot be read."""
    key = f"{names.PROJECT}:kubernetesVersion"
    configs = [config_of(path) for path in repository.glob("Pulumi.*.yaml")]
    return {str(config.get(key, versions.KUBERNETES_DEFAULT)) for config in configs}


def notices(repository: Path, today: date) -> list[str]:
    """What ends within `FAIL_DAYS`, a line each."""
    found = [ending(minor, today, within_days=FAIL_DAYS) for minor in sorted(pins(repository))]
    return [notice for notice in found if notice]
