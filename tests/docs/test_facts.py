"""What pages say of schedules, deadlines and what outlives a night is what code, workflows and manifests say."""

from __future__ import annotations

import re
from typing import Any

import yaml

from bootstrap.flux_settings import Deadlines
from permanent.image_repositories import RELEASES_KEPT
from permanent.settings import Settings
from teardown import keep, time_budget
from tests.support.checkout import REPOSITORY

DOCS = REPOSITORY / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def times(workflow: str) -> set[str]:
    """When a workflow starts by itself, as `HH:MM`."""
    text = (REPOSITORY / ".github" / "workflows" / workflow).read_text()
    crons = re.findall(r'- cron: "(\d+) (\d+) ', text)
    return {f"{int(hour):02}:{int(minute):02}" for minute, hour in crons}


def test_the_night_s_page_has_the_schedule_of_the_workflow() -> None:
    assert set(re.findall(r"^\| (\d\d:\d\d) \|", page("night.md"), re.MULTILINE)) == times("nightly-destroy.yml")


def test_the_rebuild_s_page_has_the_schedule_of_the_workflow() -> None:
    assert set(re.findall(r"\bat (\d\d:\d\d) UTC", page("rebuild.md"))) == times("rebuild-stack.yml")


def test_the_rebuild_s_page_has_the_commands_of_the_workflow_in_their_order() -> None:
    workflow = (REPOSITORY / ".github" / "workflows" / "rebuild-stack.yml").read_text()
    run = re.findall(r"run: \.venv/bin/(fleet [a-z ]+?)(?= --|$)|run: (pulumi up)", workflow, re.MULTILINE)
    commands = [fleet or pulumi for fleet, pulumi in run]
    shown = re.findall(r"^\| [^|]+ \| `((?:fleet|pulumi) [a-z ]+)` \|", page("rebuild.md"), re.MULTILINE)
    assert len(shown) == 6
    assert [command for command in commands if command in shown] == shown


def test_what_a_night_keeps_and_loses_is_what_the_layers_and_manifests_say() -> None:
    night = page("night.md")
    assert RELEASES_KEPT == 10
    assert "the ten newest releases" in night
    assert f"control plane logs, {Settings.model_fields['log_retention_days'].default} days" in night
    assert f"{keep.LONGEST.total_seconds() / 3600:.0f} hours ahead is the most" in night
    release = REPOSITORY / "k8s/infrastructure/observability/kube-prometheus-stack/helmrelease.yaml"
    prometheus: dict[str, Any] = yaml.safe_load(release.read_text())["spec"]["values"]["prometheus"]["prometheusSpec"]
    assert prometheus["retention"] == "24h"
    assert list(prometheus["storageSpec"]) == ["emptyDir"]
    assert "Prometheus stores 24 hours in an `emptyDir`" in night


def test_the_bootstrap_s_page_has_the_deadlines() -> None:
    deadlines = Deadlines()
    text = page("bootstrap.md")
    for name in ("api", "nodes", "flux", "verify"):
        assert f"`deadlines.{name}`, {getattr(deadlines, name):.0f} s |" in text
    total = sum(getattr(deadlines, name) for name in ("api", "nodes", "flux", "verify"))
    assert f"The deadlines add up to {total / 60:.0f} minutes" in text


def test_the_teardown_s_page_has_its_deadline() -> None:
    assert f"{time_budget.WITHIN:,.0f} by default" in page("teardown.md")
