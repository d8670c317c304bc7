"""Faults by rule: which call fails, how, after how many, and how long each takes. The file of rules is read again.

The sandbox's own calls, which prepare what the rules are to hit, come first and never fail.

Error codes: AWS's common errors (EC2 API reference, "Error codes"; IAM API reference, "Common error types").
"""

from __future__ import annotations

import json
import re
import socket
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from common.aws import DENIED
from sandbox import files
from sandbox.account.failures import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from wsgiref.types import WSGIEnvironment

VARIABLE = "INFRA_FLEET_SANDBOX_FAULTS"
"""A file of rules for the account that is started with it, in place of its folder's."""

RESET = "ConnectionReset"
"""No answer of AWS: the connection ends in the middle."""

NONE = ""
"""Only the latency."""

STATUS = {
    "AccessDenied": HTTPStatus.FORBIDDEN,
    "ExpiredToken": HTTPStatus.BAD_REQUEST,
    "Throttling": HTTPStatus.BAD_REQUEST,
    "ServiceUnavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True)
class Call:
    """Which call fails: the service as in signatures, and the operation."""

    service: str
    operation: str


@dataclass(frozen=True)
class Rule:
    """What happens to some calls."""

    code: str
    """AWS's error code, `RESET`, or `NONE`."""
    service: str = "*"
    """As in signatures, such as elasticloadbalancing; a pattern."""
    operation: str = "*"
    """Such as DeleteVpc; a pattern."""
    after: int = 0
    """How many such calls go well before."""
    times: int = -1
    """How many fail; -1: all from then on."""
    latency: float = 0.0
    """Seconds before the answer."""
    replaces: str = ""
    """A regular expression: what it matches in an answer that is no refusal is replaced."""
    by: str = ""
    """What stands there instead."""

    def matches(self, service: str, operation: str) -> bool:
        """Whether it is about such a call."""
        return fnmatchcase(service, self.service) and fnmatchcase(operation, self.operation)

    def bend(self, answer: bytes) -> bytes:
        """The answer of an account that chose another value than this one."""
        return re.sub(self.replaces.encode(), self.by.encode(), answer) if self.replaces else answer

    def answer(
        self, environ: WSGIEnvironment, start: Callable[[str, list[tuple[str, str]]], Any], *, call: Call, form: bool
    ) -> list[bytes]:
        """Refuse a call."""
        if self.code == RESET:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            start("502 Bad Gateway", [("Content-Length", "0")])
            return []
        status = STATUS.get(self.code, HTTPStatus.BAD_REQUEST)
        failed = refusal(self.code, self._message(call), status, service=call.service, form=form)
        start(f"{failed.status.value} {failed.status.phrase}", failed.headers)
        return [failed.body]

    def _message(self, call: Call) -> str:
        """What AWS says of a missing permission (IAM user guide, "Troubleshoot access denied error messages")."""
        if self.code not in DENIED:
            return f"a fault that a rule asked for: {self.code}"
        action = f"{call.service}:{call.operation}"
        return (
            f"You are not authorized to perform: {action} on resource: * because no identity-based policy allows "
            f"the {action} action (a fault that a rule asked for)"
        )


@dataclass
class Faults:
    """The rules of an account, and how often each has seen its call."""

    path: Path
    rules: Sequence[Rule] = ()
    seen: list[int] = field(default_factory=list[int])
    stamp: int = 0

    def strike(self, service: str, operation: str) -> Rule | None:
        """The rule that this call falls under, if it is to fail or to be late."""
        self._read()
        for number, rule in enumerate(self.rules):
            if not rule.matches(service, operation):
                continue
            self.seen[number] += 1
            past = self.seen[number] - rule.after
            if past > 0 and (rule.times < 0 or past <= rule.times):
                return rule
        return None

    def _read(self) -> None:
        try:
            stamp = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            self.rules, self.seen, self.stamp = (), [], 0
            return
        if stamp != self.stamp:
            self.rules = tuple(Rule(**each) for each in json.loads(self.path.read_text()))
            self.seen, self.stamp = [0] * len(self.rules), stamp


def write(path: Path, rules: Sequence[Rule]) -> None:
    """Put rules in place of those that are there; none at all ends all faults."""
    if rules:
        files.write(path, json.dumps([asdict(rule) for rule in rules]) + "\n")
    else:
        path.unlink(missing_ok=True)
