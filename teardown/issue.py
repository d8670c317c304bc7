"""One issue a stack while its nights fail: opened or updated by a failure, closed by the next success.

Source: GitHub REST API, issues; GitHub Actions, contexts (`needs.<job>.result`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import requests
from github import Auth, Github, GithubException

from teardown.errors import TeardownError

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.Repository import Repository

BOT = "github-actions[bot]"
"""Who a workflow's own token acts as."""

RETRIES = 3
SUCCESS, SKIPPED = "success", "skipped"


def marker(stack: str) -> str:
    """The first line of the issue, by which it is found again."""
    return f"<!-- nightly-destroy {stack} -->"


def report(stack: str, destroy: str, watchdog: str, *, kept: bool) -> str:
    """Open, update or close the issue; what was done, in one line.

    Args:
        stack: the stack's name.
        destroy: the result of the job that destroys.
        watchdog: the result of the job that looks for an old cluster.
        kept: whether the night was skipped on purpose: then it proves nothing.

    Raises:
        TeardownError: something is not set, or GitHub refuses.
    """
    failed = {job: result for job, result in (("destroy", destroy), ("watchdog", watchdog)) if _is_bad(result)}
    repository, token = os.environ.get("GITHUB_REPOSITORY"), os.environ.get("GITHUB_TOKEN")
    if not repository or not token:
        raise TeardownError("GITHUB_REPOSITORY and GITHUB_TOKEN are not both set: in a workflow they are")
    try:
        there = Github(
            auth=Auth.Token(token),
            base_url=os.environ.get("GITHUB_API_URL", "https://api.github.com"),
            retry=RETRIES,
            lazy=True,
        ).get_repo(repository)
        found = _find(there, stack)
        if failed:
            return _open(there, found, stack, failed)
        if found and destroy == SUCCESS and not kept:
            found.create_comment(f"The night ended well: {_run()}")
            found.edit(state="closed", state_reason="completed")
            return f"closed: {found.html_url}"
    except (GithubException, requests.RequestException) as error:
        raise TeardownError(f"{repository}: GitHub refuses: {' '.join(str(error).split())}") from None
    return f"left open: {found.html_url}" if found else "no issue is open, and none is needed"


def body(stack: str, failed: dict[str, str]) -> str:
    """What the issue says."""
    lines = [f"- {job}: {result}" for job, result in failed.items()]
    return "\n".join(
        [
            marker(stack),
            f"It is not sure that nothing of `{stack}` is left in AWS, which costs money. The last run: {_run()}",
            "",
            *lines,
            "",
            "What is left, and what removes it:",
            "",
            f"    python -m teardown verify --stack {stack}",
            f"    python -m teardown run --stack {stack} --yes",
            "",
            "The next night that ends well closes this.",
        ]
    )


def _is_bad(result: str) -> bool:
    """Failed, cancelled, or not known: only success and skipped are well."""
    return result not in (SUCCESS, SKIPPED)


def _find(there: Repository, stack: str) -> Issue | None:
    """The open issue that is our own: others may quote the marker."""
    for issue in there.get_issues(state="open"):
        if (issue.body or "").partition("\n")[0].strip() == marker(stack) and issue.user.login == BOT:
            return issue
    return None


def _open(there: Repository, found: Issue | None, stack: str, failed: dict[str, str]) -> str:
    if found is None:
        made = there.create_issue(title=f"The night of {stack} failed", body=body(stack, failed))
        return f"opened: {made.html_url}"
    found.edit(body=body(stack, failed))
    found.create_comment(f"It failed again: {_run()}")
    return f"updated: {found.html_url}"


def _run() -> str:
    server, repository = os.environ.get("GITHUB_SERVER_URL", "https://github.com"), os.environ["GITHUB_REPOSITORY"]
    return f"{server}/{repository}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
