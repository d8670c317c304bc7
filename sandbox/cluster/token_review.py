"""What an EKS token must be: a presigned request that asks the account's STS who its signer is, and nothing else.

Source: aws-iam-authenticator's token verifier (which hosts, parameters and headers a token may have, its 15 minutes);
AWS, "Signature Version 4" (the signature, in a query string).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
LIFE = timedelta(minutes=15)
SKEW = timedelta(minutes=5)
"""How far in the future AWS lets a signature's date be."""

LONGEST = 16 * 1024
EXPIRES = 15 * 60
"""Seconds: the longest life that a presigned request may claim."""

ALLOWED = frozenset(
    {
        *("Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"),
        *("X-Amz-Security-Token", "X-Amz-SignedHeaders", "X-Amz-Signature"),
    }
)
ACTION = ("GetCallerIdentity", "2011-06-15")


class RefusedTokenError(Exception):
    """The token is none, or none of this cluster; the message says why."""


@dataclass(frozen=True)
class Signer:
    """Whose signature a token has, once it is verified."""

    access_key: str
    secret_key: str
    session_token: str | None


@dataclass(frozen=True)
class Expected:
    """What the tokens of a cluster are made for."""

    cluster: str
    region: str
    sts: str
    """The account's STS, as scheme://host:port."""


def verify(
    token: str, expected: Expected, secret_of: Callable[[str], tuple[str, str | None] | None], now: datetime
) -> Signer:
    """Whose token this is.

    Args:
        token: as the API server got it.
        expected: the cluster's own.
        secret_of: access key id → the secret and session token that the account issued with it, or None.
        now: the time, with its zone.

    Raises:
        RefusedTokenError: it is malformed, stale, for another host, action or cluster, or not signed by its key.
    """
    url = _url(token)
    parts, wanted = urlsplit(url), urlsplit(expected.sts)
    if (parts.scheme, parts.netloc) != (wanted.scheme, wanted.netloc):
        raise RefusedTokenError(f"it is for {parts.scheme}://{parts.netloc}, not for the account's STS")
    if parts.path != "/" or parts.fragment:
        raise RefusedTokenError(f"its path is {parts.path!r}")
    query = _query(parts.query)
    if (query["Action"], query["Version"]) != ACTION:
        raise RefusedTokenError(f"it asks for {query['Action']!r}, not for {ACTION[0]}")
    access_key, date = _scope(query, expected.region)
    _in_time(query, date, now)
    issued = secret_of(access_key)
    if issued is None:
        raise RefusedTokenError(f"the account never issued its key {access_key}")
    secret, session = issued
    if query.get("X-Amz-Security-Token") != session:
        raise RefusedTokenError(f"its session token is not that of its key {access_key}")
    unsigned = urlunsplit(parts._replace(query=urlencode([*_unsigned(parts.query)], safe="-_.~")))
    if not hmac.compare_digest(_signature(unsigned, query, expected, access_key, secret), query["X-Amz-Signature"]):
        raise RefusedTokenError("its signature is not that of its key, or it is for another cluster")
    return Signer(access_key, secret, session)


def _url(token: str) -> str:
    if not token.startswith(PREFIX) or len(token) > LONGEST:
        raise RefusedTokenError(f"it does not begin with {PREFIX}, or is too long")
    encoded = token.removeprefix(PREFIX)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise RefusedTokenError("it is not base64 of a URL") from None


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise RefusedTokenError("its query is malformed") from None
    query = dict(pairs)
    if len(query) != len(pairs):
        raise RefusedTokenError("a parameter is in it twice")
    unknown = query.keys() - ALLOWED
    missing = ALLOWED - {"X-Amz-Security-Token"} - query.keys()
    if unknown or missing:
        raise RefusedTokenError(f"its parameters are not those of a token: {', '.join(sorted(unknown | missing))}")
    return query


def _scope(query: dict[str, str], region: str) -> tuple[str, datetime]:
    """The access key and the signature's date."""
    match query["X-Amz-Credential"].split("/"):
        case [access_key, day, scope, "sts", "aws4_request"] if scope == region and access_key:
            pass
        case _:
            raise RefusedTokenError(f"its scope is {query['X-Amz-Credential']!r}, not sts in {region}")
    if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
        raise RefusedTokenError(f"its algorithm is {query['X-Amz-Algorithm']!r}")
    if set(query["X-Amz-SignedHeaders"].split(";")) != {"host", CLUSTER_HEADER}:
        raise RefusedTokenError(f"its signed headers are {query['X-Amz-SignedHeaders']!r}")
    if not re.fullmatch(r"\d{8}T\d{6}Z", query["X-Amz-Date"]) or not query["X-Amz-Date"].startswith(day):
        raise RefusedTokenError(f"its date is {query['X-Amz-Date']!r}")
    try:
        return access_key, datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise RefusedTokenError(f"its date is {query['X-Amz-Date']!r}") from None


def _in_time(query: dict[str, str], date: datetime, now: datetime) -> None:
    expires = query["X-Amz-Expires"]
    if not re.fullmatch(r"\d{1,6}", expires) or not 0 < int(expires) <= EXPIRES:
        raise RefusedTokenError(f"it claims to live {expires!r} s")
    if date > now + SKEW:
        raise RefusedTokenError(f"it is of the future: {date:%H:%M:%S}, and it is {now:%H:%M:%S}")
    if now >= date + LIFE:
        raise RefusedTokenError(f"it is stale: of {date:%H:%M:%S}, and it is {now:%H:%M:%S}")


def _unsigned(text: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(text, keep_blank_values=True) if name != "X-Amz-Signature"]


def _signature(url: str, query: dict[str, str], expected: Expected, access_key: str, secret: str) -> str:
    """The signature that the key's owner makes of this request, by botocore's signer."""
    signer = SigV4QueryAuth(Credentials(access_key, secret), "sts", expected.region, int(query["X-Amz-Expires"]))
    request = AWSRequest(method="GET", url=url, headers={CLUSTER_HEADER: expected.cluster})
    request.context["timestamp"] = query["X-Amz-Date"]
    canonical = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, canonical), request)
