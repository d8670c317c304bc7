"""What the Git host says before Flux is bootstrapped: of the token, the repository, the branch, and who may push.

Sources: GitHub REST API (repositories, branches, rules, contents, the header with a token's expiration); git's smart
HTTP protocol (info/refs), which alone knows whether this token may push.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2

from bootstrap.errors import BootstrapError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootstrap.settings import Settings

TOKEN_VARIABLES = ("FLUX_GITHUB_TOKEN", "GITHUB_TOKEN")
TIMEOUT = httpx2.Timeout(20.0, connect=5.0)
"""Seconds for one request."""

EXPIRATION = "github-authentication-token-expiration"


def token(environment: Mapping[str, str]) -> str:
    """The token, out of the environment.

    Raises:
        BootstrapError: there is none.
    """
    for name in TOKEN_VARIABLES:
        if environment.get(name, "").strip():
            return environment[name].strip()
    raise BootstrapError(
        "there is no GitHub token: set FLUX_GITHUB_TOKEN to a fine-grained one for the repository, with Contents read "
        "and write, and Administration read (docs/day-zero.md)"
    )


@dataclass(frozen=True)
class Branch:
    """A branch of the repository."""

    revision: str
    protected: bool
    """Whether it takes no direct push, by protection or a ruleset."""


class Host:
    """The Git host of the settings, with a token."""

    def __init__(self, settings: Settings, secret: str) -> None:
        self._settings = settings
        verify: Any = ssl.create_default_context(cafile=str(settings.ca_file)) if settings.ca_file else True
        self._client = httpx2.Client(timeout=TIMEOUT, verify=verify, trust_env=settings.ca_file is None)
        self._secret = secret
        public = settings.hostname == "github.com"
        self._api = "https://api.github.com" if public else f"https://{settings.hostname}/api/v3"
        self.expires: datetime | None = None
        """When the token expires, once the host has said so."""

    def refuse_unseen(self) -> None:
        """Raises BootstrapError unless the token is good and can see the repository."""
        answer = self._get("")
        if answer.status_code == 404:
            raise BootstrapError(
                f"the repository {self._settings.repository} is not at {self._settings.hostname}, or the token cannot "
                "see it: check `repository` in bootstrap.yaml, and the repositories of the token"
            )
        self._good(answer, "the repository")

    def refuse_no_push(self) -> None:
        """Raises BootstrapError unless this token may push: asked as git does, because REST speaks of the user."""
        url = f"https://{self._settings.hostname}/{self._settings.repository}.git/info/refs"
        answer = self._ask(url, params={"service": "git-receive-pack"}, auth=("git", self._secret))
        if answer.status_code in {401, 403, 404}:
            raise BootstrapError(
                f"the token may not push to {self._settings.repository}: give it Contents read and write"
            )
        self._good(answer, "who may push")

    def branch(self) -> Branch:
        """The branch of the settings.

        Raises:
            BootstrapError: there is none of that name, or the host does not say.
        """
        name = self._settings.branch
        answer = self._get(f"/branches/{name}")
        if answer.status_code == 404:
            raise BootstrapError(
                f"{self._settings.repository} has no branch {name}: push it, or set `branch` in bootstrap.yaml"
            )
        said = self._good(answer, f"the branch {name}").json()
        rules = self._get(f"/rules/branches/{name}")
        listed: list[Any] = self._good(rules, f"the rules of {name}").json() if rules.status_code != 404 else []
        ruled = any(each.get("type") in {"pull_request", "update"} for each in listed)
        return Branch(said["commit"]["sha"], bool(said.get("protected")) or ruled)

    def file(self, path: str) -> str | None:
        """A file of the branch; None if it is not there.

        Raises:
            BootstrapError: the host does not say.
        """
        raw = {"Accept": "application/vnd.github.raw+json"}
        answer = self._get(f"/contents/{path}", params={"ref": self._settings.branch}, headers=raw)
        return None if answer.status_code == 404 else self._good(answer, path).text

    def _get(self, path: str, **more: Any) -> httpx2.Response:
        headers = {
            "Authorization": f"Bearer {self._secret}",
            "X-GitHub-Api-Version": "2022-11-28",
            **more.pop("headers", {}),
        }
        answer = self._ask(f"{self._api}/repos/{self._settings.repository}{path}", headers=headers, **more)
        self.expires = _expiration(answer.headers.get(EXPIRATION)) or self.expires
        return answer

    def _ask(self, url: str, **more: Any) -> httpx2.Response:
        try:
            return self._client.get(url, follow_redirects=True, **more)
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise BootstrapError(f"the Git host {self._settings.hostname} does not answer: {reason}") from None

    def _good(self, answer: httpx2.Response, what: str) -> httpx2.Response:
        """The answer, unless it is a refusal. Raises BootstrapError."""
        host = self._settings.hostname
        if answer.status_code == 401:
            raise BootstrapError(f"{host} refuses the token: it is wrong or has expired; set FLUX_GITHUB_TOKEN anew")
        if answer.status_code == 403:
            raise BootstrapError(
                f"{host} forbids {what}: the token lacks the right, waits for approval, or has asked too often"
            )
        if answer.is_error:
            raise BootstrapError(f"{host} answers {answer.status_code} to the question for {what}")
        return answer


def _expiration(header: str | None) -> datetime | None:
    """`2026-12-01 09:30:00 UTC`, or with an offset such as +0200, as GitHub writes it."""
    for form in ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S %z"):
        try:
            read = datetime.strptime(header or "", form)  # noqa: DTZ007  # UTC where it has no zone
        except ValueError:
            continue
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    return None
