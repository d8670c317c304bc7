"""Which tokens the webhook takes: none but a fresh, rightly signed question to the account's STS who asks."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap import eks_token as tokens
from sandbox.cluster.token_review import Expected, RefusedTokenError, verify

if TYPE_CHECKING:
    from collections.abc import Callable

STS = "http://127.0.0.1:4100"
EXPECTED = Expected("staging", "eu-west-2", STS)
KEY, SECRET, SESSION = "ASIAEXAMPLE", "secret/+=", "session/+=="


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", STS)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def now() -> datetime:
    return datetime.now(UTC)


def issued(key: str) -> tuple[str, str | None] | None:
    return (SECRET, SESSION) if key == KEY else None


def changed(token: str, change: Callable[[str], str]) -> str:
    """A token with another URL in it."""
    encoded = token.removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    return "k8s-aws-v1." + base64.urlsafe_b64encode(change(url).encode()).decode().rstrip("=")


def with_query(**changes: str | None) -> Callable[[str], str]:
    """A change of the URL's query."""

    def change(url: str) -> str:
        parts = urlsplit(url)
        query = {**dict(parse_qsl(parts.query)), **changes}
        return urlunsplit(
            parts._replace(query=urlencode({key: value for key, value in query.items() if value is not None}))
        )

    return change


def test_a_fresh_token_is_its_signers() -> None:
    signer = verify(tokens.presigned("staging", "eu-west-2"), EXPECTED, issued, now())
    assert (signer.access_key, signer.secret_key, signer.session_token) == (KEY, SECRET, SESSION)


def test_a_token_of_a_user_has_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    token = tokens.presigned("staging", "eu-west-2")
    assert verify(token, EXPECTED, lambda _key: (SECRET, None), now()).session_token is None
    with pytest.raises(RefusedTokenError, match="session token is not that of its key"):
        verify(token, EXPECTED, issued, now())


FORGED: dict[str, tuple[Callable[[str], str], str]] = {
    "another host": (lambda url: url.replace("127.0.0.1:4100", "127.0.0.1:4101"), "it is for http://127.0.0.1:4101"),
    "a host that begins alike": (lambda url: url.replace("4100", "4100.evil.example"), "not for the account's STS"),
    "user information": (lambda url: url.replace("http://", "http://sts@"), "not for the account's STS"),
    "another scheme": (lambda url: url.replace("http:", "https:"), "it is for https:"),
    "another path": (lambda url: url.replace("/?", "/x?"), "its path is '/x'"),
    "a fragment": (lambda url: url + "#x", "its path is"),
    "another action": (with_query(Action="AssumeRole"), "it asks for 'AssumeRole'"),
    "another version": (with_query(Version="2010-01-01"), "it asks for"),
    "more parameters": (with_query(Extra="x"), "its parameters are not those of a token: Extra"),
    "fewer parameters": (with_query(**{"X-Amz-Expires": None}), "X-Amz-Expires"),
    "a parameter twice": (lambda url: url + "&Action=GetCallerIdentity", "a parameter is in it twice"),
    "another region": (lambda url: url.replace("%2Feu-west-2%2F", "%2Fus-east-1%2F"), "its scope is"),
    "another service": (lambda url: url.replace("%2Fsts%2F", "%2Fs3%2F"), "its scope is"),
    "an unknown key": (lambda url: url.replace(KEY, "AKIAOTHER"), "the account never issued its key AKIAOTHER"),
    "another session": (with_query(**{"X-Amz-Security-Token": "other"}), "its session token is not that of its key"),
    "a longer life": (with_query(**{"X-Amz-Expires": "3600"}), "it claims to live '3600' s"),
    "an endless life": (with_query(**{"X-Amz-Expires": "-1"}), "it claims to live"),
    "another algorithm": (with_query(**{"X-Amz-Algorithm": "NONE"}), "its algorithm is"),
    "the cluster not signed": (with_query(**{"X-Amz-SignedHeaders": "host"}), "its signed headers are"),
    "another signature": (with_query(**{"X-Amz-Signature": "0" * 64}), "its signature is not that of its key"),
    "another expiry than was signed": (with_query(**{"X-Amz-Expires": "61"}), "its signature is not that of its key"),
    "a date that is none": (with_query(**{"X-Amz-Date": "20261399T000000Z"}), "its date is"),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_token_is_refused(forgery: str) -> None:
    change, said = FORGED[forgery]
    with pytest.raises(RefusedTokenError) as error:
        verify(changed(tokens.presigned("staging", "eu-west-2"), change), EXPECTED, issued, now())
    assert said in str(error.value)


def test_a_token_for_another_cluster_is_refused() -> None:
    with pytest.raises(RefusedTokenError, match="it is for another cluster"):
        verify(tokens.presigned("staging-2", "eu-west-2"), EXPECTED, issued, now())


@pytest.mark.parametrize(
    ("age", "taken"),
    [
        (timedelta(minutes=14, seconds=30), True),
        (timedelta(minutes=15, seconds=2), False),
        (-timedelta(hours=1), False),
    ],
)
def test_a_token_lives_for_a_quarter_of_an_hour(age: timedelta, taken: bool) -> None:
    token = tokens.presigned("staging", "eu-west-2")
    if taken:
        assert verify(token, EXPECTED, issued, datetime.now(UTC) + age)
    else:
        with pytest.raises(RefusedTokenError, match=r"stale|of the future"):
            verify(token, EXPECTED, issued, datetime.now(UTC) + age)


@given(
    st.text(max_size=200) | st.binary(max_size=200).map(lambda data: "k8s-aws-v1." + base64.b64encode(data).decode())
)
def test_whatever_comes_is_refused_and_no_crash(token: str) -> None:
    with pytest.raises(RefusedTokenError):
        verify(token, EXPECTED, issued, now())
