"""The token webhook of the API server: an EKS token in, a Kubernetes user out.

Source: Kubernetes, "Webhook Token Authentication" (TokenReview of authentication.k8s.io/v1).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.cluster import access
from sandbox.cluster.token_review import Expected, RefusedTokenError, Signer, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

    from sandbox.cluster.access import Entry, User

PATH = "/token"


@dataclass(frozen=True)
class Account:
    """What the webhook asks the account."""

    secret_of: Callable[[str], tuple[str, str | None] | None]
    """Access key id → secret and session token."""
    caller: Callable[[Signer], str]
    """Whose key it is, as STS says: an ARN."""
    entries: Callable[[], Sequence[Entry]]
    """The cluster's access entries."""


@dataclass(frozen=True)
class Webhook:
    """The WSGI application."""

    expected: Expected
    account_id: str
    account: Account
    log: Callable[[str], None]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Review one token."""
        review: dict[str, Any] = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        status = self.review(str(review.get("spec", {}).get("token", "")))
        start_response("200 OK", [("Content-Type", "application/json")])
        answer = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
        return [json.dumps(answer).encode()]

    def review(self, token: str) -> dict[str, Any]:
        """The status of a TokenReview. Why a token is refused is logged: its owner gets a plain 401, as on EKS."""
        try:
            signer = verify(token, self.expected, self.account.secret_of, datetime.now(UTC))
            caller = self.account.caller(signer)
            user = self._user(caller)
        except RefusedTokenError as reason:
            self.log(f"a token is refused: {reason}")
            return {"authenticated": False, "error": "Unauthorized"}
        self.log(f"{caller} is {user.name} {list(user.groups)}")
        return {"authenticated": True, "user": {"username": user.name, "groups": list(user.groups), "uid": caller}}

    def _user(self, caller: str) -> User:
        """Raises RefusedTokenError for a caller without access."""
        if access.principal(caller)[0] != self.account_id:
            raise RefusedTokenError(f"{caller} is of another account")
        user = access.user(caller, self.account.entries())
        if user is None:
            raise RefusedTokenError(f"{caller} has no access entry")
        return user
