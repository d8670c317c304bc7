"""GitHub's API, by PyGithub: one client, and what its refusals mean to a person."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
from github import Auth, Github, GithubException, RateLimitExceededException

from common.errors import CannotRunError, FleetError, UnknownError
from common.text import clean

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from github.Repository import Repository

PUBLIC = "https://api.github.com"
BOT = "github-actions[bot]"
"""Who a workflow's own token acts as."""

RETRIES = 3
"""Of calls that got no answer. A rate limit is said, not waited for: it may take an hour."""

BETWEEN_WRITES = 1.0
BETWEEN_REQUESTS = 0.25
"""Seconds (GitHub Docs, best practices for using the REST API: wait at least one second between writes)."""

TIMEOUT = 20
"""Seconds for one request."""


def connect(token: str, url: str | None = None, *, ca_file: Path | None = None, retries: int | None = None) -> Github:
    """A client, which connects at its first call.

    Args:
        token: of a person, an app or a workflow.
        url: of the API; None: as the workflow's environment says, else GitHub's own.
        ca_file: certificates to trust instead of the machine's.
        retries: of calls that got no answer; None: RETRIES.
    """
    return Github(
        auth=Auth.Token(token),
        base_url=url or os.environ.get("GITHUB_API_URL", PUBLIC),
        verify=str(ca_file) if ca_file else True,
        timeout=TIMEOUT,
        retry=RETRIES if retries is None else retries,
        lazy=True,
        seconds_between_writes=BETWEEN_WRITES,
        seconds_between_requests=BETWEEN_REQUESTS,
    )


def of_run() -> tuple[str, Repository]:
    """The repository of the workflow's run, with its name, by the token in GITHUB_TOKEN. Nothing is asked yet.

    Raises:
        CannotRunError: a variable is not set.
    """
    name, token = os.environ.get("GITHUB_REPOSITORY"), os.environ.get("GITHUB_TOKEN")
    if not name or not token:
        raise CannotRunError("GITHUB_REPOSITORY and GITHUB_TOKEN are not both set: set them, as a workflow does")
    return name, connect(token).get_repo(name)


def run_url() -> str:
    """Where the workflow's run is."""
    server, repository = os.environ.get("GITHUB_SERVER_URL", "https://github.com"), os.environ["GITHUB_REPOSITORY"]
    return f"{server}/{repository}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"


@contextmanager
def refusals(where: str, remedies: Mapping[int, str] | None = None) -> Generator[None]:
    """Say in one line what a refusal means.

    Args:
        where: begins the line: what was asked for.
        remedies: HTTP status → what it means there, and what to do.

    Raises:
        FleetError: GitHub refuses, and the remedy is known.
        UnknownError: GitHub does not answer, or not what was asked.
    """
    try:
        yield
    except RateLimitExceededException:
        raise UnknownError(f"{where}: GitHub's rate limit is reached: run it again in an hour") from None
    except GithubException as error:
        if remedy := (remedies or {}).get(error.status):
            raise FleetError(f"{where}: {remedy}") from None
        raise UnknownError(f"{where}: GitHub answers {error.status}: {clean(error.message or error.data)}") from None
    except requests.RequestException as error:
        raise UnknownError(f"{where}: GitHub cannot be reached: {clean(error)}") from None


def login(client: Github) -> str | None:
    """Whose the token is; None for a workflow's own, which is nobody's. Raises GithubException."""
    try:
        return client.get_user().login
    except GithubException as error:
        if error.status == 403 and not isinstance(error, RateLimitExceededException):
            return None
        raise
