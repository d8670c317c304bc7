"""The scheduled job that fails ahead of the end of a Kubernetes version's support, by an injected clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from delivery import support
from infra.contract import versions
from tests.support import github_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.github_api import GitHubApi

END = versions.KUBERNETES["1.34"].standard_support_until


@pytest.mark.parametrize(("days", "count"), [(31, 0), (30, 1)])
def test_it_fails_thirty_days_ahead(days: int, count: int, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.old.yaml").write_text('config: {"infra-fleet:kubernetesVersion": "1.34"}')
    assert len(support.notices(tmp_path, END - timedelta(days=days))) == count


def test_it_looks_at_every_stacks_version(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.old.yaml").write_text('config: {"infra-fleet:kubernetesVersion": "1.34"}')
    (tmp_path / "Pulumi.new.yaml").write_text("config: {}")
    assert support.pins(tmp_path) == {"1.34", versions.KUBERNETES_DEFAULT}


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubApi]:
    with github_api.of_workflow(monkeypatch) as there:
        yield there


def test_one_issue_is_opened_updated_and_closed(github: GitHubApi) -> None:
    assert support.report([]) == "no issue is open, and none is needed"
    assert support.report(["1.34 ends on 2026-12-02"]) == "opened: #1"
    made = github.issues[0]
    assert made["title"] == "Kubernetes leaves standard support soon"
    assert "1.34 ends on" in made["body"]
    assert "docs/upgrade.md" in made["body"]
    assert "https://github.com/your-org/infra-fleet/actions/runs/7" in made["body"]
    assert support.report(["1.34 ended on 2026-12-02"]) == "updated: #1"
    assert "1.34 ended on" in made["body"]
    assert support.report([]) == "closed: #1"
    assert [each["state"] for each in github.issues] == ["closed"]


def test_an_issue_that_quotes_the_marker_is_not_ours(github: GitHubApi) -> None:
    github.issue(f"See this:\n{support.ALARM.marker}")
    github.issue(support.ALARM.marker, "stranger")
    assert support.report(["1.34 ends"]) == "opened: #3"
