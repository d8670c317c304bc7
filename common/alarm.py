"""One issue while something fails: opened or updated by a failure, closed by the next success.

Where issues are off, as in a fork, the text goes into the job's summary and the command fails: GitHub's mail about the
failed run is then the alarm.
Source: GitHub REST reference, issues: 410 means that they are disabled in the repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from github import GithubException

from common import summary
from common.errors import FleetError
from common.github import BOT, of_run, refusals, run_url

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.Repository import Repository

DISABLED = 410

REMEDIES = {
    401: "GITHUB_TOKEN is not valid: set a new one",
    403: "GITHUB_TOKEN may not write issues: it needs `issues: write`",
}
"""HTTP status → what it means here."""


@dataclass(frozen=True)
class Alarm:
    """What an issue is about.

    Attributes:
        key: tells it from others; the first line of its body holds it.
        title: its title.
        what: what has failed, such as "The nightly teardown".
    """

    key: str
    title: str
    what: str

    @property
    def marker(self) -> str:
        """The first line of the issue, by which it is found again."""
        return f"<!-- {self.key} -->"

    def sound(self, body: str) -> str:
        """Open the issue, or update it; what was done, in one line.

        Args:
            body: what it says below the marker.

        Raises:
            FleetError: something is not set, GitHub refuses, or issues are off.
            UnknownError: GitHub does not answer.
        """
        name, repository = of_run()
        with refusals(name, REMEDIES):
            try:
                return self._open(repository, f"{self.marker}\n{body}")
            except GithubException as error:
                if error.status != DISABLED:
                    raise
        summary.write(f"# {self.title}\n\n{body}")
        turn_on = f"gh repo edit {name} --enable-issues"
        raise FleetError(f"{self.title}: issues are off, so this job fails instead; its summary says more. {turn_on}")

    def clear(self, *, has_succeeded: bool) -> str:
        """Close the issue if what failed has succeeded since; what was done, in one line. Raises as `sound` does."""
        name, repository = of_run()
        with refusals(name, REMEDIES):
            try:
                found = self._find(repository)
            except GithubException as error:
                if error.status != DISABLED:
                    raise
                return "issues are off: none is open"
            if found is None:
                return "no issue is open, and none is needed"
            if not has_succeeded:
                return f"left open: {found.html_url}"
            found.create_comment(f"{self.what} succeeded: {run_url()}")
            found.edit(state="closed", state_reason="completed")
            return f"closed: {found.html_url}"

    def _open(self, repository: Repository, body: str) -> str:
        found = self._find(repository)
        if found is None:
            return f"opened: {repository.create_issue(title=self.title, body=body).html_url}"
        found.edit(body=body)
        found.create_comment(f"It failed again: {run_url()}")
        return f"updated: {found.html_url}"

    def _find(self, repository: Repository) -> Issue | None:
        """The open issue that is our own: others may quote the marker."""
        for issue in repository.get_issues(state="open"):
            if (issue.body or "").partition("\n")[0].strip() == self.marker and issue.user.login == BOT:
                return issue
        return None
