from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

from sandbox.account import process
from sandbox.account.isolation import CLOSED
from tests.support import github_api
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.engine import Project
    from tests.support.github_api import GitHubApi

Command = subprocess.CompletedProcess[str]


@pytest.fixture(autouse=True)
def _outside_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run in a job themselves, or where somebody has a backend or a token."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "PULUMI_", "WHEN_DOWN")):
            monkeypatch.delenv(name)


@pytest.fixture
def account_environment(account: process.Account, monkeypatch: pytest.MonkeyPatch) -> process.Account:
    """The embedded account, as that of every AWS SDK in this process."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in {**CLOSED, **process.environment(account)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return account


@pytest.fixture
def command(project: Project) -> Callable[..., Command]:
    """Runs `fleet` on the project, with further variables."""

    def run(*arguments: str, **variables: str) -> Command:
        return subprocess.run(
            [sys.executable, "-m", "fleet", *arguments],
            cwd=REPOSITORY,
            env={**project.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubApi]:
    """A GitHub, and what a workflow's job knows of it."""
    with github_api.serving() as there:
        monkeypatch.setenv("GITHUB_API_URL", there.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", there.name)
        monkeypatch.setenv("GITHUB_TOKEN", "token")
        yield there
