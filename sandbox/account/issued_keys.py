"""The secrets of the keys that an account has issued: who checks a signature, as AWS's services do, must know them."""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

PARTITION = "aws"


@dataclass(frozen=True)
class Issued:
    """What was issued with an access key id."""

    secret: str
    session_token: str | None


def issued(account_id: str, access_key: str) -> Issued | None:
    """The secret of a user's key or of a role's session; None for one that was never issued, or that has ended."""
    session: Any = sts_backends[account_id][PARTITION].get_assumed_role_from_access_key(access_key)
    if session is not None:  # moto has its key among those of users as well
        return Issued(session.secret_access_key, session.session_token) if session.expiration > utcnow() else None
    key: Any = iam_backends[account_id][PARTITION].access_keys.get(access_key)
    return Issued(key.secret_access_key, None) if key is not None else None
