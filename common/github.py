"""GitHub's API, by PyGithub: one client, and what its refusals mean to a person."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt

from common.errors import CannotRunError, FleetError, UnknownError
from common.text import clean

# PyGithub takes 0.15 s to import, which kubectl would wait for at each token: it is imported where it is used.
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from github import Github, GithubException
    from github.Repository import Repository
    from tenacity import RetryCallState

Answer = TypeVar("Answer")

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

ATTEMPTS = 3
"""Of a call that GitHub could not answer at that moment."""

PAUSE = 1.0
"""Seconds before the second attempt, where GitHub does not say how many; twice as many before the third."""

LONGEST_PAUSE = 60.0
"""Seconds that GitHub may ask for: one that asks for more is told, not waited for."""

BUSY = frozenset({429, 502, 503, 504})
"""Answers that may be another one in a moment."""

SAYS_NOTHING = ("Not Found", "Bad credentials", "no reason given")
"""Sentences of GitHub that add nothing to a remedy."""

SSO, RETRY_AFTER, LIMIT_ENDS = "x-github-sso", "retry-after", "x-ratelimit-reset"


def connect(token: str, url: str | None = None, *, ca_file: Path | None = None, retries: int | None = None) -> Github:
    """A client, which connects at its first call.

    Args:
        token: of a person, an app or a workflow.
        url: of the API; None: as the workflow's environment says, else GitHub's own.
        ca_file: certificates to trust instead of the machine's.
        retries: of calls that got no answer; None: RETRIES.
    """
    from github import Auth, Github

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


def patiently(call: Callable[[], Answer]) -> Answer:
    """Call, and call again where GitHub was busy: an answer of BUSY, or a secondary rate limit.

    Its Retry-After is honoured. A rate limit that is used up is not waited for: that may take an hour.

    Raises:
        GithubException: the last answer.
    """
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS), wait=_pause, retry=retry_if_exception(_may_pass), reraise=True
    )
    return retrying(call)


def sentence(error: GithubException) -> str:
    """Give GitHub's own words for a refusal, in one line; for single sign-on with the link that authorizes a token."""
    said = " ".join(_message(error).split())
    link = re.search(r"url=(\S+)", _header(error, SSO))
    return f"{said or 'no reason given'}{f' ({link[1]})' if link else ''}"


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
    import requests
    from github import GithubException, RateLimitExceededException

    try:
        yield
    except RateLimitExceededException as error:
        raise UnknownError(f"{where}: {clean(sentence(error))}: run it again {_limit_ends(error)}") from None
    except GithubException as error:
        said = clean(sentence(error))
        if remedy := (remedies or {}).get(error.status):
            more = "" if said in SAYS_NOTHING else f" (GitHub: {said})"
            raise FleetError(f"{where}: {remedy}{more}") from None
        raise UnknownError(f"{where}: GitHub answers {error.status}: {said}") from None
    except requests.RequestException as error:
        raise UnknownError(f"{where}: GitHub cannot be reached: {clean(error)}") from None


def login(client: Github) -> str | None:
    """Whose the token is; None for a workflow's own, which is nobody's. Raises GithubException."""
    from github import GithubException, RateLimitExceededException

    try:
        return client.get_user().login
    except GithubException as error:
        if error.status == 403 and not isinstance(error, RateLimitExceededException):
            return None
        raise


def _message(error: GithubException) -> str:
    """The message of a JSON answer, or the title of an HTML page, which a proxy or an outage gives."""
    document: Any = error.data
    found: dict[str, Any] = {**document} if isinstance(document, dict) else {"data": document}
    text = str(found.get("message") or error.message or found.get("data") or "")
    page = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    if page or text.lstrip().startswith("<"):
        return f"an HTML page: {page[1].strip() if page else 'without a title'}"
    return text


def _header(error: BaseException, name: str) -> str:
    headers: Mapping[str, Any] = getattr(error, "headers", None) or {}
    return next((str(value) for key, value in headers.items() if key.lower() == name), "")


def _asked_pause(error: BaseException | None) -> float | None:
    """The seconds that GitHub asks to wait; None if it does not say."""
    value = _header(error, RETRY_AFTER) if error else ""
    return float(value) if value.isdecimal() else None


def _may_pass(error: BaseException) -> bool:
    from github import GithubException

    if not isinstance(error, GithubException):
        return False
    return (error.status in BUSY or _is_secondary(error)) and (_asked_pause(error) or 0) <= LONGEST_PAUSE


def _is_secondary(error: GithubException) -> bool:
    from github import RateLimitExceededException

    return isinstance(error, RateLimitExceededException) and "secondary" in _message(error).lower()


def _pause(state: RetryCallState) -> float:
    from github import GithubException

    error = state.outcome.exception() if state.outcome else None
    asked = _asked_pause(error)
    if asked is not None:
        return asked
    # GitHub Docs, rate limits for the REST API: without Retry-After, wait at least one minute.
    is_secondary = isinstance(error, GithubException) and _is_secondary(error)
    return LONGEST_PAUSE if is_secondary else PAUSE * 2 ** (state.attempt_number - 1)


def _limit_ends(error: GithubException) -> str:
    asked, ends = _asked_pause(error), _header(error, LIMIT_ENDS)
    if asked is not None:
        return f"in {asked:g} s"
    return f"after {datetime.fromtimestamp(int(ends), UTC):%H:%M} UTC" if ends.isdecimal() else "in an hour"
