"""What the Git host says before Flux is bootstrapped: of the token, the repository, the branch, and who may push.

Sources: GitHub REST API (repositories, branches, rules, contents, the header with a token's expiration); git's smart
HTTP protocol (info/refs), which alone knows whether this token may push.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import requests
from github import GithubException, UnknownObjectException

from common.errors import CannotRunError, FleetError
from common.github import PUBLIC, TIMEOUT, connect, refusals

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from bootstrap.flux_settings import Settings

TOKEN_VARIABLES = ("FLUX_GITHUB_TOKEN", "GITHUB_TOKEN")
EXPIRATION = "github-authentication-token-expiration"
RAW = "application/vnd.github.raw+json"


def token(environment: Mapping[str, str]) -> str:
    """The token, out of the environment.

    Raises:
        FleetError: there is none.
    """
    for name in TOKEN_VARIABLES:
        if environment.get(name, "").strip():
            return environment[name].strip()
    raise CannotRunError(
        "there is no GitHub token: set FLUX_GITHUB_TOKEN to a fine-grained one for the repository, with Contents read "
        "and write (docs/day-zero.md)"
    )


@dataclass(frozen=True)
class Branch:
    """A branch of the repository."""

    revision: str
    protected: bool
    """Whether it takes no direct push, by protection or a ruleset."""


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
        with self._refusals("the repository"):
            try:
                self._there.update()
            except UnknownObjectException:
                raise FleetError(
                    f"the repository {self._settings.repository} is not at {self._settings.hostname}, or the token "
                    "cannot see it: check `repository` in bootstrap.yaml, and the repositories of the token"
                ) from None
            self.expires = _expiration(str(self._there.raw_headers.get(EXPIRATION, ""))) or self.expires

    def refuse_no_push(self) -> None:
        """Raises FleetError unless this token may push: asked as git does, because REST speaks of the user."""
        url = f"https://{self._settings.hostname}/{self._settings.repository}.git/info/refs"
        with self._refusals("who may push"):
            answer = requests.get(
                url,
                params={"service": "git-receive-pack"},
                auth=("git", self._secret),
                verify=str(self._settings.ca_file) if self._settings.ca_file else True,
                timeout=TIMEOUT,
            )
            if answer.status_code in {401, 403, 404}:
                raise FleetError(
                    f"the token may not push to {self._settings.repository}: give it Contents read and write"
                )
            if not answer.ok:
                raise GithubException(answer.status_code, message=answer.reason)

    def branch(self) -> Branch:
        """The branch of the settings.

        Raises:
            FleetError: there is none of that name, or the host does not say.
        """
        name = self._settings.branch
        with self._refusals(f"the branch {name}"):
            try:
                found = self._there.get_branch(name)
            except UnknownObjectException:
                raise FleetError(
                    f"{self._settings.repository} has no branch {name}: push it, or set `branch` in bootstrap.yaml"
                ) from None
            return Branch(found.commit.sha, found.protected or self._is_ruled(name))

    def file(self, path: str) -> str | None:
        """A file of the branch; None if it is not there.

        Raises:
            FleetError: the host does not say.
        """
        with self._refusals(path):
            status, _headers, text = self._there.requester.requestJson(
                "GET", f"{self._there.url}/contents/{path}", {"ref": self._settings.branch}, {"Accept": RAW}
            )
            if status == 404:
                return None
            if status != 200:
                raise GithubException(status, message=text)
            return text

    def _is_ruled(self, name: str) -> bool:
        """Whether a ruleset keeps direct pushes from a branch. Raises GithubException."""
        try:
            _headers, rules = self._there.requester.requestJsonAndCheck(
                "GET", f"{self._there.url}/rules/branches/{name}"
            )
        except UnknownObjectException:
            return False
        listed: Any = rules
        return any(each.get("type") in {"pull_request", "update"} for each in listed)

    @contextmanager
    def _refusals(self, what: str) -> Generator[None]:
        host = self._settings.hostname
        remedies = {
            401: "it refuses the token: it is wrong or has expired; set FLUX_GITHUB_TOKEN anew",
            403: f"it forbids {what}: the token lacks the right, waits for approval, or has asked too often",
        }
        with refusals(host, remedies):
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
