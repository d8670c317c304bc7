"""IAM's evaluation of identity policies within a boundary, as far as the documents of this repository use it.

Source: IAM user guide, policy evaluation logic, and IAM JSON policy elements (Action, Resource, Condition operators).
What a document uses and this does not know is an error, never a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

Value = str | Sequence[str]

ACTIONS: Mapping[str, str] = {
    "budgets:DescribeBudget": "budgets:ViewBudget",
    "s3:CopyObject": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""Operations whose permission has another name (Amazon S3 user guide, required permissions for API operations; service
authorization reference, AWS Budgets)."""

PREFIXES: Mapping[str, str] = {"tagging": "tag"}
"""Services whose name in a signature is not the prefix of their actions (service authorization reference)."""


class Decision(Enum):
    """What IAM says."""

    ALLOWED = "allowed"
    IMPLICITLY_DENIED = "no statement allows it"
    EXPLICITLY_DENIED = "a statement denies it"


@dataclass(frozen=True)
class Request:
    """One action on one resource. EC2 asks once for each resource that a call touches.

    Attributes:
        action: `service:Name`.
        resource: an ARN.
        context: condition key → value or values. A key that is not there is absent.
    """

    action: str
    resource: str = "arn:aws:none:::none"
    context: Mapping[str, Value] = field(default_factory=dict[str, Value])


def evaluate(documents: Iterable[str], request: Request, boundary: str | None = None) -> Decision:
    """What IAM decides for a role that has these policies, and perhaps this boundary."""
    granted = _decision(documents, request)
    bounded = Decision.ALLOWED if boundary is None else _decision([boundary], request)
    both = {granted, bounded}
    if Decision.EXPLICITLY_DENIED in both:
        return Decision.EXPLICITLY_DENIED
    return Decision.ALLOWED if both == {Decision.ALLOWED} else Decision.IMPLICITLY_DENIED


def allows(documents: Iterable[str], *requests: Request, boundary: str | None = None) -> bool:
    """Whether each of some requests is allowed: those of one call, or those of the calls that a deed needs."""
    documents = tuple(documents)
    return all(evaluate(documents, request, boundary) is Decision.ALLOWED for request in requests)


def allows_action(documents: Iterable[str], action: str) -> bool:
    """Whether some statement allows an action at all, on whatever resource and condition."""
    return any(
        statement["Effect"] == "Allow" and _names_action(statement, action)
        for document in documents
        for statement in statements(document)
    )


def action_of(service: str, operation: str) -> str:
    """The action that an API operation needs. A service is named as in signatures; one that copies needs more."""
    action = f"{PREFIXES.get(service, service)}:{operation}"
    return ACTIONS.get(action, action)


def statements(document: str) -> list[dict[str, Any]]:
    """The statements of a policy."""
    return cast("list[dict[str, Any]]", json.loads(document)["Statement"])


def values(node: Value) -> tuple[str, ...]:
    """One or several, as several."""
    return (node,) if isinstance(node, str) else tuple(node)


def _decision(documents: Iterable[str], request: Request) -> Decision:
    effects = {
        statement["Effect"]
        for document in documents
        for statement in statements(document)
        if _names_action(statement, request.action)
        and _names_resource(statement, request.resource)
        and _holds(statement.get("Condition", {}), request.context)
    }
    if "Deny" in effects:
        return Decision.EXPLICITLY_DENIED
    return Decision.ALLOWED if "Allow" in effects else Decision.IMPLICITLY_DENIED


def _names_action(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _any_matches(statement["NotAction"], action, ignore_case=True)
    return _any_matches(statement["Action"], action, ignore_case=True)


def _names_resource(statement: Mapping[str, Any], resource: str) -> bool:
    if "NotResource" in statement:
        return not _any_matches(statement["NotResource"], resource)
    return _any_matches(statement["Resource"], resource)


def _any_matches(patterns: Value, text: str, *, ignore_case: bool = False) -> bool:
    if ignore_case:
        return any(_like(pattern.lower(), text.lower()) for pattern in values(patterns))
    return any(_like(pattern, text) for pattern in values(patterns))


def _like(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` any characters, `?` one."""
    if "${" in pattern:
        raise NotImplementedError(f"policy variable in {pattern!r}")
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _arn_like(pattern: str, text: str) -> bool:
    """As `_like`, but each of the six parts of an ARN for itself."""
    parts = tuple(zip(pattern.split(":", 5), text.split(":", 5), strict=False))
    return len(parts) == 6 and all(_like(mine, theirs) for mine, theirs in parts)


def _equal(pattern: str, text: str) -> bool:
    return pattern == text


def _equal_bool(pattern: str, text: str) -> bool:
    return pattern.lower() == text.lower()


OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_equal, True),
    "StringNotEquals": (_equal, False),
    "StringLike": (_like, True),
    "StringNotLike": (_like, False),
    "ArnEquals": (_arn_like, True),
    "ArnLike": (_arn_like, True),
    "Bool": (_equal_bool, True),
}
"""Operator → how one value is compared, and whether a match fulfils it or breaks it."""


def _holds(condition: Mapping[str, Mapping[str, Value]], context: Mapping[str, Value]) -> bool:
    """Whether all keys of all operators hold."""
    present = {key.lower(): values(value) for key, value in context.items()}
    return all(
        _key_holds(operator, values(wanted), present.get(key.lower()))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _key_holds(operator: str, wanted: tuple[str, ...], found: tuple[str, ...] | None) -> bool:
    if operator == "Null":
        return (found is None) is (wanted == ("true",))
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if name not in OPERATORS or quantifier not in ("", "ForAnyValue", "ForAllValues"):
        raise NotImplementedError(f"condition operator {operator}")
    compare, positive = OPERATORS[name]

    def fulfils(value: str) -> bool:
        return any(compare(pattern, value) for pattern in wanted) is positive

    if quantifier == "ForAllValues":
        return all(fulfils(value) for value in found or ())
    if quantifier == "ForAnyValue":
        return any(fulfils(value) for value in found or ()) or (if_exists and found is None)
    if found is None:
        return if_exists or not positive
    if len(found) != 1:
        raise NotImplementedError(f"{operator} on several values: {found}")
    return fulfils(found[0])
