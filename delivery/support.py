"""What a scheduled job asks: whether a stack's Kubernetes version is about to leave standard support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common import summary
from common.alarm import Alarm
from common.github import run_url
from common.text import LINE
from infra.contract import names, versions
from infra.stack_file import config_of
from infra.support_dates import ending

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

FAIL_DAYS = 30
"""How long before the end of support the job fails."""

ALARM = Alarm("support-dates", "Kubernetes leaves standard support soon", "The look at the support dates")

UPGRADE = """\
Raise `infra-fleet:kubernetesVersion` by one minor, or `KUBERNETES_DEFAULT` in `infra/contract/versions.py`, with its
add-on pins: `fleet versions` proposes them, and docs/upgrade.md has the steps. The next run of `support-dates` that
finds nothing closes this issue.
"""


def pins(repository: Path) -> set[str]:
    """The Kubernetes versions of the stack files in a folder. Raises SettingsError: one cannot be read."""
    key = f"{names.PROJECT}:kubernetesVersion"
    configs = [config_of(path) for path in repository.glob("Pulumi.*.yaml")]
    return {str(config.get(key, versions.KUBERNETES_DEFAULT)) for config in configs}


def notices(repository: Path, today: date) -> list[str]:
    """What ends within `FAIL_DAYS`, a line each."""
    found = [ending(minor, today, within_days=FAIL_DAYS) for minor in sorted(pins(repository))]
    return [notice for notice in found if notice]


def report(found: list[str]) -> str:
    """Open, update or close the one issue about it; what was done, in one line.

    Raises:
        FleetError: the environment is not a workflow's, GitHub refuses, or issues are off.
    """
    if not found:
        return ALARM.clear(has_succeeded=True)
    lines = [*summary.bullets("Standard support ends:", found, LINE), UPGRADE, f"The last run: {run_url()}"]
    return ALARM.sound("\n".join(lines))
