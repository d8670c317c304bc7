"""Which calls were refused for want of a permission, and in which policy the permission belongs.

Sources: IAM user guide, "Troubleshoot access denied error messages"; EC2 API reference, UnauthorizedOperation;
aws-sdk-go-v2, smithy's OperationError, as pulumi-aws prints it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from permanent import policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from permanent.settings import Settings

ANY = "*"
OURS = re.compile(r"the credentials lack (?P<action>[\w-]+:\w+)")
"""What `common.aws` makes of a refusal."""

AWS = re.compile(
    r"not authorized to perform:? (?P<action>[\w-]+:\w+)(?: on (?:the )?resource:? (?P<resource>arn:[^\s,'\"]+|\*))?"
)
SDK = re.compile(
    r"operation error (?P<service>[\w ]+): (?P<operation>\w+),(?:(?!operation error).)*?"
    r"api error (?:AccessDenied\w*|UnauthorizedOperation)",
    re.DOTALL,
)
PREFIXES = {
    "elastic load balancing v2": "elasticloadbalancing",
    "elastic load balancing": "elasticloadbalancing",
    "cloudwatch logs": "logs",
    "auto scaling": "autoscaling",
}
"""The SDK's name of a service → the prefix of IAM actions, where they differ."""


@dataclass(frozen=True, order=True)
class Denied:
    """A call that was refused."""

    action: str
    """`eks:CreateAddon`."""
    resource: str = ANY
    """Its ARN, or `*` where AWS does not say."""


def find(texts: Iterable[str]) -> tuple[Denied, ...]:
    """Find the refused calls in what AWS, the engine and our own commands said, each once."""
    found = {each for text in texts for each in _in(text)}
    named = {each.action.lower() for each in found if each.resource != ANY}
    # AWS names the resource in one message, and the SDK or our own line repeats the action without it.
    return tuple(sorted(each for each in found if each.resource != ANY or each.action.lower() not in named))


def _in(text: str) -> Iterator[Denied]:
    for match in AWS.finditer(text):
        yield Denied(match["action"], (match["resource"] or ANY).rstrip("."))
    for match in OURS.finditer(text):
        yield Denied(match["action"])
    for match in SDK.finditer(text):
        service = match["service"].lower()
        yield Denied(f"{PREFIXES.get(service, service.replace(' ', '-'))}:{match['operation']}")


def documents(settings: Settings) -> Mapping[str, Mapping[str, str]]:
    """The policies of each role: role → policy → document. Raises SettingsError."""
    return policies.documents(settings)


def belongs_to(action: str, documents: Mapping[str, str]) -> str:
    """Say which policy allows an action elsewhere, or has most actions of its service."""
    service = action.partition(":")[0]
    counted: Counter[str] = Counter()
    allowing: list[str] = []
    for name, text in documents.items():
        patterns = list(_allowed(json.loads(text)))
        counted[name] += sum(each.startswith(f"{service}:") for each in patterns)
        if any(fnmatchcase(action.lower(), each.lower()) for each in patterns):
            allowing.append(name)
    if allowing:
        return f"{', '.join(allowing)}: allows it, for other resources or under a condition"
    name, count = max(counted.items(), key=lambda item: item[1], default=("", 0))
    return f"{name}: has {count} other actions of {service}, not this one" if count else f"no policy has {service}"


def _allowed(document: Any) -> Iterator[str]:
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            actions: Any = statement.get("Action", ())
            yield from [actions] if isinstance(actions, str) else actions
