"""One issue a stack while a workflow fails for it: what each outcome of a run opens, updates and closes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError, UnknownError
from delivery import alarm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.github_api import GitHubApi

BOTH = ("staging", "dev")


def report(of: tuple[str, ...], **results: str) -> list[str]:
    needs = {job: {"result": result} for job, result in results.items()}
    return alarm.report("rebuild-stack", "rebuild", of, json.dumps(needs))


def ended(github: GitHubApi, monkeypatch: pytest.MonkeyPatch, **jobs: str) -> None:
    """Let the run be one with such jobs."""
    run = github.run("a" * 40, jobs={f"rebuild {stack}": result for stack, result in jobs.items()})
    monkeypatch.setenv("GITHUB_RUN_ID", str(run["id"]))


def opened(github: GitHubApi) -> list[str]:
    return [issue["title"] for issue in github.issues if issue["state"] == "open"]


@pytest.mark.parametrize("result", ["failure", "cancelled"])
def test_a_failure_opens_one_the_next_updates_it_and_a_success_closes_it(
    github: GitHubApi, monkeypatch: pytest.MonkeyPatch, result: str
) -> None:
    ended(github, monkeypatch, staging=result)
    report(("staging",), health="success", rebuild=result)
    assert report(("staging",), health="success", rebuild=result)[1] == "rebuild-stack of staging: updated: #1"
    assert opened(github) == ["rebuild-stack of staging failed"]
    assert "gh run rerun 101 --failed" in github.issues[0]["body"]
    assert report(("staging",), health="success", rebuild="success")[1] == "rebuild-stack of staging: closed: #1"
    assert opened(github) == []


def test_of_several_stacks_the_issue_is_about_the_one_that_failed(
    github: GitHubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(github, monkeypatch, staging="failure", dev="failure")
    report(BOTH, rebuild="failure")
    ended(github, monkeypatch, staging="success", dev="failure")
    report(BOTH, rebuild="failure")
    assert opened(github) == ["rebuild-stack of dev failed"]


def test_what_fails_before_any_stack_is_one_issue_which_a_run_that_gets_further_closes(
    github: GitHubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(BOTH, health="failure", rebuild="skipped")
    report((), stacks="failure", health="skipped", rebuild="skipped")
    assert opened(github) == ["rebuild-stack failed"]
    ended(github, monkeypatch, staging="success", dev="success")
    report(BOTH, health="success", rebuild="success")
    assert opened(github) == []


def test_what_comes_before_the_stacks_is_well_although_one_of_them_failed(
    github: GitHubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(("staging",), health="failure", rebuild="skipped")
    ended(github, monkeypatch, staging="failure")
    report(("staging",), health="success", rebuild="failure")
    assert opened(github) == ["rebuild-stack of staging failed"]


def test_a_run_that_did_nothing_closes_nothing(github: GitHubApi, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(github, monkeypatch, staging="failure")
    report(("staging",), rebuild="failure")
    assert report(("staging",), rebuild="skipped")[1] == "rebuild-stack of staging: left open: #1"


def test_a_job_that_is_not_in_the_run_has_not_succeeded(github: GitHubApi, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(github, monkeypatch, staging="success")
    report(BOTH, rebuild="failure")
    assert opened(github) == ["rebuild-stack of dev failed"]


def test_where_issues_are_off_the_job_fails_with_the_text_in_its_summary(
    github: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.repository["has_issues"] = False
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    ended(github, monkeypatch, staging="failure", dev="failure")
    with pytest.raises(FleetError, match=r"staging failed: issues are off[^\n]*\n[^\n]*dev failed: issues are off"):
        report(BOTH, rebuild="failure")
    assert (tmp_path / "summary").read_text().count("## What to do") == 2
    assert report(("staging",), rebuild="success")[1] == "rebuild-stack of staging: issues are off: none is open"


def test_a_github_that_does_not_answer_is_no_success(github: GitHubApi, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(github, monkeypatch, staging="failure")
    github.failures["issues"] = (500, {"message": "no"})
    with pytest.raises((FleetError, UnknownError), match="GitHub answers 500"):
        report(("staging",), rebuild="failure")


@pytest.mark.parametrize("needs", ["", "[]", '{"a": 1}'])
def test_what_is_no_context_is_said(needs: str) -> None:
    with pytest.raises(FleetError, match="expected the context `needs`"):
        alarm.report("rebuild-stack", "rebuild", (), needs)
