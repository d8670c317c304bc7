"""The one issue that a workflow keeps on a subject: a failure opens or updates it, and its end closes it.

Source: GitHub REST API, issues; GitHub Actions, default environment variables.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from common.github import BOT, connect, refusals

if TYPE_CHECKING:
    from collections.abc import Generator

    from github.Issue import Issue
    from github.Repository import Repository


@contextmanager
def of_repository() -> Generator[Repository]:
    """The repository of the workflow, with the workflow's own token.

    Raises:
        CannotRunError: something is not set.
        FleetError: GitHub refuses what is done within.
    """
    repository, token = os.environ.get("GITHUB_REPOSITORY"), os.environ.get("GITHUB_TOKEN")
    if not repository or not token:
        raise CannotRunError("GITHUB_REPOSITORY and GITHUB_TOKEN are not both set: in a workflow they are")
    with refusals(repository):
        yield connect(token).get_repo(repository)


def find(there: Repository, marker: str) -> Issue | None:
    """The open issue whose first line is the marker, and which a workflow has made: others may quote the marker."""
    for issue in there.get_issues(state="open"):
        if (issue.body or "").partition("\n")[0].strip() == marker and issue.user.login == BOT:
            return issue
    return None


def keep(there: Repository, found: Issue | None, *, title: str, body: str, again: str) -> str:
    """Open the issue, or update it and comment `again`; what was done, in one line."""
    if found is None:
        made = there.create_issue(title=title, body=body)
        return f"opened: {made.html_url}"
    found.edit(body=body)
    found.create_comment(again)
    return f"updated: {found.html_url}"


def close(found: Issue, comment: str) -> str:
    """Close the issue with a comment; what was done, in one line."""
    found.create_comment(comment)
    found.edit(state="closed", state_reason="completed")
    return f"closed: {found.html_url}"


def run() -> str:
    """The URL of the workflow's run."""
    server, repository = os.environ.get("GITHUB_SERVER_URL", "https://github.com"), os.environ["GITHUB_REPOSITORY"]
    return f"{server}/{repository}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
