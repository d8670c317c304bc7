"""The workflows' own commands against a stand-in for GitHub: the gate of a rebuild, and who is told of a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import github_api
from tests.support.checkout import REPOSITORY
from tests.support.workflows import Event, Run
from tests.workflows import test_decisions as decisions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.github_api import GitHubApi
    from tests.support.workflows import Job


@pytest.fixture
def github() -> Iterator[GitHubApi]:
    with github_api.serving() as there:
        yield there


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of main with one commit."""
    shutil.copytree(REPOSITORY / ".github", tmp_path / ".github")
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    shutil.copy(REPOSITORY / "Pulumi.yaml", tmp_path)
    shutil.copy(REPOSITORY / "Pulumi.staging.yaml", tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=day zero")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def run(workflow: str, event: Event, clone: Path, github: GitHubApi, real: str, **answers: str) -> dict[str, Job]:
    """Run a workflow with one of its commands as it is, and the others replaced by their answers."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(clone), "GITHUB_API_URL": github.url}
    environ["PYTHONPATH"] = str(REPOSITORY)  # the environment may be that of another checkout
    named = {"up": decisions.BUILD, "night": decisions.NIGHT}
    replace = decisions.ANSWERS | {named[name]: command for name, command in answers.items()}
    replace.pop(real)
    return Run(workflow, event, clone, environ, decisions.VARIABLES, replace).jobs()


def test_nothing_is_rebuilt_from_a_main_whose_update_failed(clone: Path, github: GitHubApi) -> None:
    run_of_main = github.run(git(clone, "rev-parse", "HEAD"), "failure")
    jobs = run("rebuild-stack.yml", decisions.REBUILD, clone, github, decisions.GATE)
    assert decisions.results(jobs) == {"health": "failure", "rebuild": "skipped"}
    assert run_of_main["html_url"] in jobs["health"].leg.output
    github.run(git(clone, "rev-parse", "HEAD"))
    assert decisions.results(run("rebuild-stack.yml", decisions.REBUILD, clone, github, decisions.GATE)) == {}


def test_a_failed_morning_opens_an_issue_and_the_next_one_closes_it(clone: Path, github: GitHubApi) -> None:
    github.run("a" * 40, jobs={"check main": "success", "rebuild staging": "failure"})
    alarm = decisions.ALARM.format("rebuild-stack", "rebuild")
    jobs = run("rebuild-stack.yml", decisions.REBUILD, clone, github, alarm, up="exit 255")
    assert (jobs["rebuild"].result, jobs["alarm"].result) == ("failure", "success")
    assert [issue["title"] for issue in github.issues] == ["rebuild-stack of staging failed"]
    run("rebuild-stack.yml", decisions.REBUILD, clone, github, alarm)
    assert [issue["state"] for issue in github.issues] == ["closed"]


def test_where_issues_are_off_the_job_of_a_failed_night_fails_with_the_text(clone: Path, github: GitHubApi) -> None:
    github.repository["has_issues"] = False
    event = Event("schedule", {**decisions.PAYLOAD, "schedule": "13 20 * * *"})
    jobs = run("nightly-destroy.yml", event, clone, github, decisions.ISSUE, night="exit 1")
    (leg,) = jobs["night"].legs
    assert leg.called["issue"].result == "failure"
    assert "issues are off" in leg.called["issue"].leg.output
    assert "## What to do" in leg.called["issue"].leg.summary
