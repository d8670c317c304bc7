"""Posts a report to a pull request: one comment a stack and kind of report, which each push rewrites."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import CannotRunError, unreadable
from common.github import BOT, connect, login, refusals
from delivery import report_markdown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from github import Github
    from github.IssueComment import IssueComment

REMEDIES = {
    401: "GITHUB_TOKEN is not valid: set a new one",
    403: "GITHUB_TOKEN may not do that: it needs `pull-requests: write`, which forks do not get",
    404: "there is no such pull request, or GITHUB_TOKEN may not see it",
}
"""HTTP status → what it means here."""


def post(path: Path, repository: str | None, number: int | None) -> str:
    """Create or rewrite the comment of a report; what was done, in one line.

    Args:
        path: the report.
        repository: `<owner>/<name>`; by default that of the workflow's run.
        number: the pull request's; by default that of the workflow's event.

    Raises:
        FleetError: something is not set, or GitHub refuses.
    """
    body = _report(path)
    repository = repository or os.environ.get("GITHUB_REPOSITORY")
    if not repository:
        raise CannotRunError("no repository: name it with --repository <owner>/<name>")
    number = number or _event_number()
    token = os.environ.get("GITHUB_TOKEN")
    if not token:
        raise CannotRunError("GITHUB_TOKEN is not set: set it to a token that may write to pull requests")
    where = f"{repository}#{number}"
    with refusals(where, REMEDIES):
        github = connect(token)
        issue = github.get_repo(repository).get_issue(number)
        comment = _find(github, issue.get_comments(), body.splitlines()[0])
        if comment is None:
            return f"commented: {issue.create_comment(body).html_url}"
        if _same(comment.body, body):
            return f"unchanged: {comment.html_url}"
        comment.edit(body)
        return f"rewritten: {comment.html_url}"


def _report(path: Path) -> str:
    try:
        body = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    if not report_markdown.is_marker(body.partition("\n")[0]):
        raise CannotRunError(
            f"{path} is not a report: `fleet preview --report {path}` or `fleet diff --reports` writes one"
        )
    return body


def _event_number() -> int:
    event = os.environ.get("GITHUB_EVENT_PATH")
    if not event:
        raise CannotRunError("no pull request: name it with --number")
    try:
        return int(json.loads(Path(event).read_text("utf-8"))["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        raise CannotRunError(f"{event} is not a pull request event: name one with --number") from None


def _find(github: Github, comments: Iterable[IssueComment], marker: str) -> IssueComment | None:
    """The first comment that starts with the marker and is our own: others may quote it."""
    marked = [comment for comment in comments if comment.body.partition("\n")[0].strip() == marker]
    bots = next((comment for comment in marked if comment.user.login == BOT), None)
    if bots or not marked:
        return bots
    own = login(github)
    return next((comment for comment in marked if comment.user.login == own), None)


def _same(there: str, body: str) -> bool:
    return there.replace("\r\n", "\n").strip() == body.strip()
