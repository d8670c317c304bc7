"""Takes out of a report what nobody else may read: secrets, account ids, and who somebody is.

Every string of a report goes through `Redaction.text`. What must not be in a file is looked for once more before it is
written, so that a form that was forgotten here keeps the file from being written at all.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from common.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SECRET = "<secret>"  # noqa: S105  # what stands for one
SHORTEST = 8
"""Characters: a shorter value of a variable is no secret, and would be found in any word."""

SECRET_NAME = re.compile(
    r"token|secret|password|passphrase|passwd|credential|private.?key|access.?key|api.?key|authorization", re.IGNORECASE
)
"""A variable or a property with such a name holds one."""

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)", re.DOTALL), SECRET),
    (re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]+"), "<certificate>"),
    (re.compile(r"\b(?:gh[a-z]_|github_pat_|glpat-|pul-|k8s-aws-v1\.)[\w.-]+"), SECRET),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"), SECRET),
    (re.compile(r"\bA[KS]IA[A-Z0-9]{12,}"), SECRET),
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{SECRET}@"),
    (
        re.compile(r"(?i)((?:token|secret|password|passphrase)\w*[\"']?\s*[:=]\s*[\"']?)(?!<)[^\s\"',;}]{4,}"),
        rf"\1{SECRET}",
    ),
    (re.compile(r"(?<=assumed-role/)([^/\s]+)/[^\s\"',:]+"), r"\1/<session>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"(?i)(?<=oidc\.eks\.)([\w-]+\.amazonaws\.com/id/)[0-9a-f]{8,}"), r"\1<id>"),
    (re.compile(r"(?i)\b[0-9a-f]{32}\.(?=\w+\.[\w-]+\.eks\.)"), "<id>."),
)
LONG = re.compile(r"[A-Za-z0-9+/=_]{32,}")
"""With capitals, small letters and digits in it: a secret access key, a session token, an encoded message."""
ACCOUNT = re.compile(r"(?<!\d)(?:\d{12}|\d{4}-\d{4}-\d{4})(?!\d)")
ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")


@dataclass
class Redaction:
    """What stands for what, the same in the whole report."""

    secrets: Sequence[str] = ()
    """Values that are known to be secret."""
    accounts: dict[str, str] = field(default_factory=dict[str, str])
    """Account id → its stand-in, in the order in which they were met."""

    @classmethod
    def of(cls, account_id: str, environment: Mapping[str, str], secrets: Collection[str] = ()) -> Redaction:
        """Know the account, what the environment holds that is secret, and other secrets."""
        named = (value for name, value in environment.items() if SECRET_NAME.search(name))
        values = {value for value in (*named, *secrets) if len(value) >= SHORTEST}
        made = cls(sorted(values, key=lambda value: (-len(value), value)))
        made.text(account_id)
        return made

    def text(self, text: str) -> str:
        """A text without what nobody else may read."""
        for secret in self.secrets:
            text = text.replace(secret, SECRET)
        for pattern, stand_in in PATTERNS:
            text = pattern.sub(stand_in, text)
        text = LONG.sub(_random, text)
        for account, stand_in in self.accounts.items():
            text = text.replace(account, stand_in)
        return ADDRESS.sub(_address, ACCOUNT.sub(lambda match: self._account(match[0]), text))

    def document(self, value: Any) -> Any:
        """The same of every string in a document, keys too; what a property with a secret's name holds goes."""
        match value:
            case str():
                return self.text(value)
            case dict():
                found = cast("dict[str, Any]", value)
                return {
                    self.text(key): SECRET if isinstance(item, str) and SECRET_NAME.search(key) else self.document(item)
                    for key, item in found.items()
                }
            case list() | tuple():
                return [self.document(item) for item in cast("Sequence[Any]", value)]
            case _:
                return value

    def prove(self, text: str) -> None:
        """Look once more. Raises FleetError: something is in it that must not be; what it is is not said."""
        if any(secret in text for secret in self.secrets) or any(account in text for account in self.accounts):
            raise FleetError(
                "the report was not written: a secret or an account id would be in it, which is a bug of this command"
            )

    def _account(self, found: str) -> str:
        key = found.replace("-", "")
        return self.accounts.setdefault(key, f"ACCOUNT-{len(self.accounts) + 1}")


def _random(match: re.Match[str]) -> str:
    run = match[0]
    is_random = any(map(str.isupper, run)) and any(map(str.islower, run)) and any(map(str.isdigit, run))
    return SECRET if is_random else run


def _address(match: re.Match[str]) -> str:
    try:
        return "<address>" if ipaddress.ip_address(match[0]).is_global else match[0]
    except ValueError:
        return match[0]
