"""What the Git host says before Flux is bootstrapped: of the token, the repository, the branch, and who may push.

Sources: GitHub REST API (repositories, branches, rules, contents, commits, the header with a token's expiration); git's
smart HTTP protocol (info/refs): the one request of a dry-run push, which alone knows whether this token may push.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bootstrap.branch_rules import Guard, judge
from common.errors import CannotRunError, FleetError
from common.github import PUBLIC, TIMEOUT, connect, patiently, refusals
from common.kubernetes.objects import at

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from bootstrap.flux_settings import Settings

TOKEN_VARIABLES = ("FLUX_GITHUB_TOKEN", "GITHUB_TOKEN")
RIGHTS = "Contents: read and write"
"""The one permission of the token; the pages that tell how to make it have the same words."""
OF_AN_APP = "ghs_"
"""Begins the token of an app's installation, such as that of a workflow's job (GitHub Docs, token prefixes)."""
EXPIRATION = "github-authentication-token-expiration"
RAW = "application/vnd.github.raw+json"
PLAN_WITHOUT_RULES = "Upgrade to GitHub"
"""Is in the 403 for a private repository whose plan has no rules."""


def token(environment: Mapping[str, str]) -> str:
    """The token, out of the environment.

    Raises:
        CannotRunError: there is none, or it is a workflow's own.
    """
    how = f"set FLUX_GITHUB_TOKEN to a fine-grained one for the repository, with {RIGHTS} (docs/day-zero.md)"
    for name in TOKEN_VARIABLES:
        value = environment.get(name, "").strip()
        if value.startswith(OF_AN_APP):
            raise CannotRunError(
                f"{name} is the token of a GitHub app, such as a workflow's own: it expires within the hour, and Flux "
                f"would keep it. {how[0].upper()}{how[1:]}"
            )
        if value:
            return value
    raise CannotRunError(f"there is no GitHub token: {how}")


class Repository:
    """The repository of the settings, as a token sees it."""

    def __init__(self, settings: Settings, secret: str) -> None:
        """Connect at the first call."""
        self._settings = settings
        self._secret = secret
        api = PUBLIC if settings.hostname == "github.com" else f"https://{settings.hostname}/api/v3"
        self._there = connect(secret, api, ca_file=settings.ca_file, retries=0).get_repo(settings.repository)
        self.expires: datetime | None = None
        """When the token expires, once the host has said so."""

    def refuse_unseen(self) -> None:
        """Raises FleetError unless the token is good and can see the repository."""
        from github import UnknownObjectException

        with self._refusals("the repository"):
            try:
                patiently(self._there.update)
            except UnknownObjectException:
                raise FleetError(
                    f"the repository {self._settings.repository} is not at {self._settings.hostname}, or the token "
                    "cannot see it: check `repository` in bootstrap.yaml, and the repositories of the token"
                ) from None
            self.expires = _expiration(str(self._there.raw_headers.get(EXPIRATION, ""))) or self.expires

    def refuse_no_push(self) -> None:
        """Raises FleetError unless this token may push: asked as `git push --dry-run` does, REST speaks of the user."""
        import requests
        from github import GithubException

        def ask() -> None:
            answer = requests.get(
                f"https://{self._settings.hostname}/{self._settings.repository}.git/info/refs",
                params={"service": "git-receive-pack"},
                auth=("git", self._secret),
                verify=str(self._settings.ca_file) if self._settings.ca_file else True,
                timeout=TIMEOUT,
            )
            if not answer.ok:
                raise GithubException(answer.status_code, answer.text, dict(answer.headers))

        remedy = f"the token may not push to {self._settings.repository}: give it {RIGHTS}"
        with refusals(self._settings.hostname, dict.fromkeys((401, 403, 404), remedy)):
            patiently(ask)

    def head(self) -> str:
        """The commit that the branch of the settings is at.

        Raises:
            FleetError: there is no such branch, or the host does not say.
        """
        return str(self._branch()["commit"]["sha"])

    def guard(self) -> Guard:
        """What keeps a direct push of this token from the branch.

        Raises:
            FleetError: there is no such branch, or the host does not say.
        """
        branch = self._branch()
        with self._refusals(f"the rules of {self._settings.branch}"):
            rules: list[dict[str, Any]] = self._optional(f"/rules/branches/{self._quoted}") or []
            numbers = sorted({int(rule["ruleset_id"]) for rule in rules if "ruleset_id" in rule})
            rulesets: dict[int, dict[str, Any]] = {
                number: self._optional(f"/rulesets/{number}?includes_parents=true") or {} for number in numbers
            }
            is_classic = at(branch, "protection", "enabled")
            classic = self._optional(f"/branches/{self._quoted}/protection") if is_classic else None
            is_admin = bool(self._there.permissions and self._there.permissions.admin)
        return judge(rules, rulesets, branch, classic, is_admin=is_admin)

    def is_ahead(self, of: str, commit: str) -> bool:
        """Whether a commit has another one in its history, or is the same; not if one of them is gone.

        Raises:
            FleetError: the host does not say.
        """
        with self._refusals("the history of the branch"):
            found: Any = self._optional(f"/compare/{of}...{commit}?per_page=1")
        return bool(found) and found["status"] in {"ahead", "identical"}

    def file(self, path: str) -> str | None:
        """A file of the branch; None if it is not there.

        Raises:
            FleetError: the host does not say.
        """
        from github import GithubException

        def ask() -> str | None:
            url, where = f"{self._there.url}/contents/{quote(path)}", {"ref": self._settings.branch}
            status, headers, text = self._there.requester.requestJson("GET", url, where, {"Accept": RAW})
            if status not in {200, 404}:
                raise GithubException(status, text, headers)
            return text if status == 200 else None

        with self._refusals(path):
            return patiently(ask)

    @property
    def _quoted(self) -> str:
        return quote(self._settings.branch, safe="/")

    def _branch(self) -> dict[str, Any]:
        name = self._settings.branch
        with self._refusals(f"the branch {name}"):
            found: Any = self._optional(f"/branches/{self._quoted}")
        if found is None:
            raise FleetError(
                f"{self._settings.repository} has no branch {name}: push it, or set `branch` in bootstrap.yaml"
            )
        return found

    def _optional(self, path: str) -> Any:
        """A document below the repository; None where it is missing, out of the plan or the token's rights.

        Raises:
            GithubException: the host does not say.
        """
        from github import GithubException, RateLimitExceededException, UnknownObjectException

        requester = self._there.requester
        try:
            return patiently(lambda: requester.requestJsonAndCheck("GET", f"{self._there.url}{path}"))[1]
        except UnknownObjectException:
            return None
        except RateLimitExceededException:
            raise
        except GithubException as error:
            document = str(error.data)
            if error.status == 403 and (PLAN_WITHOUT_RULES in document or "not accessible by" in document):
                return None
            raise

    @contextmanager
    def _refusals(self, what: str) -> Generator[None]:
        remedies = {
            401: "it refuses the token: it is wrong or has expired; set FLUX_GITHUB_TOKEN anew",
            403: f"it forbids {what}: the token lacks the right ({RIGHTS}), or waits for approval",
        }
        with refusals(self._settings.hostname, remedies):
            yield


def _expiration(header: str) -> datetime | None:
    """`2026-12-01 09:30:00 UTC`, or with an offset such as +0200, as GitHub writes it."""
    for form in ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S %z"):
        try:
            read = datetime.strptime(header, form)  # noqa: DTZ007  # UTC where it has no zone
        except ValueError:
            continue
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    return None
