"""Which calls there are, by botocore's models of AWS's services: a rule about any other can match nothing."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sandbox.account.calls import UNKNOWN, UNSIGNED
from sandbox.account.clients import session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.account.faults import Rule

USED = (
    "autoscaling",
    "budgets",
    "ec2",
    "ecr",
    "eks",
    "elb",
    "elbv2",
    "iam",
    "kms",
    "logs",
    "resourcegroupstaggingapi",
    "route53",
    "s3",
    "service-quotas",
    "ssm",
    "sts",
)
"""botocore's names of the services that the stack, its tools and its controllers call."""

UNSIGNED_SERVICES = ("sts",)
"""Those that are called without a signature: AssumeRoleWithWebIdentity."""


def mistake(rule: Rule) -> str:
    """Why a rule can match no call, with the nearest that could be meant; empty when it can."""
    if rule.times == 0:
        return "--times 0 lets no call fail: give a number, or -1 for all"
    services = _services(rule.service)
    if not services:
        return f"no call is signed for a service {rule.service}{_meant(rule.service, _signing_names())}"
    operations = {name for service in services for name in _model(service).operation_names} | {UNKNOWN}
    if any(fnmatchcase(each, rule.operation) for each in operations):
        return ""
    where = rule.service if rule.service != "*" else f"any of {', '.join(_signing_names())}"
    return f"no operation of {where} is named {rule.operation}{_meant(rule.operation, operations)}"


def _services(pattern: str) -> list[str]:
    """botocore's names of the services whose calls a pattern meets; one that is not in use must be named in full."""
    found = [name for name in USED if fnmatchcase(_signing_name(name), pattern)]
    if fnmatchcase(UNSIGNED, pattern):
        found += UNSIGNED_SERVICES
    if not found and pattern in session().get_available_services() and _signing_name(pattern) == pattern:
        return [pattern]
    return found


def _signing_names() -> list[str]:
    return sorted({_signing_name(name) for name in USED})


def _signing_name(service: str) -> str:
    return str(_model(service).signing_name)


def _model(service: str) -> Any:
    return session().get_service_model(service)


def _meant(given: str, names: Iterable[str]) -> str:
    """` (did you mean …?)`, if anything is near; botocore's name of a service is nearest to that in signatures."""
    if given in session().get_available_services():
        return f" (did you mean {_signing_name(given)}?)"
    plain = {name.lower(): name for name in names}
    near = get_close_matches(given.lower(), plain, n=1)
    return f" (did you mean {plain[near[0]]}?)" if near else ""
