"""AWS's service authorization reference, as parliament ships it: what an action is, acts on and is conditioned by."""

# parliament has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.support.iam import statements, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GLOBAL_KEYS = ("aws:RequestedRegion",)
"""Condition keys that every request has (IAM user guide, global condition context keys)."""


@dataclass(frozen=True)
class ResourceType:
    """What an action acts on: its ARN with `*` for all that varies, and the condition keys that it brings."""

    name: str
    arn: str
    required: bool
    keys: frozenset[str]


@dataclass(frozen=True)
class Action:
    """An action: its access level, what it acts on, and the condition keys of the request."""

    name: str
    access: str
    types: tuple[ResourceType, ...]
    keys: frozenset[str]

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.access not in ("Read", "List")

    @property
    def can_be_scoped(self) -> bool:
        """Whether a statement can allow less than all of it: by a resource, or by a key other than the region's."""
        return bool(self.types) or bool(self.keys - {"ec2:Region"})


def parliament() -> Any:
    """The linter; its import reads ten megabytes and warns of setuptools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import parliament

    return parliament


@cache
def actions() -> Mapping[str, Action]:
    """Every action by its name in lower case."""
    found: dict[str, Action] = {}
    for service in parliament().iam_definition:
        kinds = {kind["resource"]: kind for kind in service["resources"]}
        for privilege in service["privileges"]:
            name = f"{service['prefix']}:{privilege['privilege']}"
            found[name.lower()] = _action(name, privilege, kinds)
    return found


def names_key(known: Iterable[str], key: str) -> bool:
    """Whether a condition key is one of the known, some of which end in a name that varies."""
    return any(
        re.fullmatch(re.escape(re.sub(r"(\$\{.*?\}|<.*?>)$", "", each)) + (".+" if each[-1] in "}>" else ""), key)
        for each in (*known, *GLOBAL_KEYS)
    )


def arns_overlap(kind: ResourceType, pattern: str) -> bool:
    """Whether a pattern of a statement can name a resource of this type."""
    # An account that is empty, as in ARNs of what belongs to AWS, is not an account to parliament.
    return bool(parliament().is_arn_match(kind.name, kind.arn, re.sub(r"^(arn:aws:ssm:[^:]*):(?=:)", r"\1:*", pattern)))


def _action(name: str, privilege: Mapping[str, Any], kinds: Mapping[str, Mapping[str, Any]]) -> Action:
    types: list[ResourceType] = []
    keys: frozenset[str] = frozenset()
    for entry in privilege["resource_types"]:
        label: str = entry["resource_type"]
        own = frozenset[str](entry["condition_keys"])
        if not label:
            keys = own
            continue
        kind = kinds.get(label.rstrip("*"))
        if kind:
            arn = re.sub(r"\$\{.*?\}", "*", kind["arn"])
            brought = own or frozenset[str](kind["condition_keys"])
            types.append(ResourceType(kind["resource"], arn, label.endswith("*"), brought))
    return Action(name, privilege["access_level"], tuple(types), keys)


@dataclass(frozen=True)
class Finding:
    """What the linter has against a policy."""

    issue: str
    subject: str
    """The action, the resource or the text that it is about; of a list, one finding each."""


def lint(document: str) -> frozenset[Finding]:
    """What parliament finds in a policy, whatever the severity."""
    found: set[Finding] = set()
    for finding in parliament().analyze_policy_string(document).findings:
        details = finding.detail if isinstance(finding.detail, list) else [finding.detail]
        for detail in details:
            subject = f"{detail['action']} on {detail['required_format']}" if isinstance(detail, dict) else str(detail)
            found.add(Finding(finding.issue, subject))
    return frozenset(found)


def writes_on_everything(document: str) -> frozenset[str]:
    """The actions that a policy lets change anything anywhere, though AWS could tell one thing from another."""
    patterns = {
        pattern.lower()
        for statement in statements(document)
        if statement["Effect"] == "Allow" and statement["Resource"] == "*" and "Condition" not in statement
        for pattern in values(statement["Action"])
    }
    return frozenset(
        action.name
        for name, action in actions().items()
        if action.writes and action.can_be_scoped and any(fnmatchcase(name, pattern) for pattern in patterns)
    )
