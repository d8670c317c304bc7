"""What the permanent layer asks AWS for, whole: `make golden` writes it, a test compares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.infra.golden import render
from tests.support import recorder

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent / "goldens"

EVERY_SETTING: Mapping[str, object] = {
    "accountId": "210987654321",
    "region": "us-east-1",
    "githubRepository": "Another-Org/fleet.of_ours",
    "githubSubject": "repo:Another-Org@123456/fleet.of_ours@456789",
    "clusters": ["blue", "green_2"],
    "imageRepositories": ["load-harness", "team/app"],
    "hostedZoneIds": ["Z0123456789ABCDEFGHIJ", "Z2FDTNDATAQYW2"],
    "adoptGithubProvider": True,
    "logRetentionDays": 90,
    "alarmEmail": "fleet@example.org",
    "budgetDailyUsd": 40,
}
"""A config in which every setting is another than its default."""

CONFIGS: Mapping[str, Mapping[str, object]] = {"default": recorder.PERMANENT_CONFIG, "every-setting": EVERY_SETTING}


def page(name: str) -> Path:
    """The file of a config."""
    return HERE / f"{name}.yaml"


if __name__ == "__main__":
    for name, config in CONFIGS.items():
        page(name).write_text(render(recorder.run_permanent(config, preview=False)))
