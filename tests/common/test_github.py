"""GitHub's own words in one line, and which of its refusals are worth another try."""

from __future__ import annotations

from typing import Any

import pytest
from github import GithubException, RateLimitExceededException

from common import github
from common.errors import FleetError, UnknownError

SECONDARY = {"message": "You have exceeded a secondary rate limit."}
PAGE = "<!DOCTYPE html>\n<html><head><title>Unicorn! · GitHub</title></head>\n<body>…</body></html>"


def said(error: GithubException, remedies: dict[int, str] | None = None) -> str:
    with pytest.raises(FleetError) as caught, github.refusals("api", remedies):
        raise error
    return str(caught.value)


@pytest.mark.parametrize(
    ("status", "message", "headers", "line"),
    [
        (
            403,
            "Resource protected by organization SAML enforcement. You must grant your Personal Access token access.",
            {"X-GitHub-SSO": "required; url=https://github.com/orgs/your-org/sso?authorization_request=A"},
            "access. (https://github.com/orgs/your-org/sso?authorization_request=A))",
        ),
        (403, "the `your-org` organization has an IP allow list enabled", {}, "an IP allow list enabled)"),
        (401, "Bad credentials. The token has expired", {}, "remedy (GitHub: Bad credentials. The token has expired)"),
    ],
)
def test_github_says_it_itself(status: int, message: str, headers: dict[str, Any], line: str) -> None:
    shown = said(GithubException(status, {"message": message}, headers), {401: "remedy", 403: "remedy"})
    assert shown.startswith("api: remedy (GitHub: ")
    assert shown.endswith(line)


def test_a_page_in_html_is_one_line() -> None:
    for data in (PAGE, {"data": PAGE}):
        assert said(GithubException(502, data, {})) == "api: GitHub answers 502: an HTML page: Unicorn! · GitHub"


def test_a_rate_limit_says_until_when() -> None:
    limit = {"message": "API rate limit exceeded for user ID 7."}
    shown = said(RateLimitExceededException(403, limit, {"x-ratelimit-reset": "2000000000"}))
    assert shown == "api: API rate limit exceeded for user ID 7.: run it again after 03:33 UTC"
    assert said(RateLimitExceededException(403, SECONDARY, {"retry-after": "90"})).endswith("run it again in 90 s")


def attempts(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[float]:
    """The pauses, in seconds, that a call takes which always fails so."""
    pauses: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", pauses.append)

    def call() -> None:
        raise error

    with pytest.raises(type(error)):
        github.patiently(call)
    return pauses


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (GithubException(502, PAGE, {}), [1, 2]),
        (GithubException(429, {"message": "Too many requests"}, {"Retry-After": "7"}), [7, 7]),
        (RateLimitExceededException(403, SECONDARY, {"retry-after": "3"}), [3, 3]),
        (RateLimitExceededException(403, SECONDARY, {}), [60, 60]),
        (RateLimitExceededException(403, SECONDARY, {"retry-after": "600"}), []),
        (RateLimitExceededException(403, {"message": "API rate limit exceeded"}, {}), []),
        (GithubException(500, {"message": "Server Error"}, {}), []),
        (GithubException(403, {"message": "Forbidden"}, {}), []),
    ],
)
def test_what_may_pass_is_tried_again_as_github_asks(
    monkeypatch: pytest.MonkeyPatch, error: GithubException, pauses: list[float]
) -> None:
    assert attempts(monkeypatch, error) == pauses


def test_an_answer_at_the_second_attempt_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", list[float]().append)
    answers: list[Any] = [GithubException(503, None, {}), "yes"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert github.patiently(call) == "yes"


def test_no_answer_is_unknown() -> None:
    with pytest.raises(UnknownError, match="GitHub answers 500"), github.refusals("api", {401: "remedy"}):
        raise GithubException(500, None, {})
