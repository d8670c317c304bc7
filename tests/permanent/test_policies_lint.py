"""The policies say what AWS understands: actions that exist, conditions that their resources have, nothing too wide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.contract import names
from permanent import policies
from tests.permanent import example
from tests.support.iam import statements, values
from tests.support.iam_reference import (
    Action,
    Finding,
    ResourceType,
    actions,
    arns_overlap,
    lint,
    names_key,
    writes_on_everything,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DOCUMENTS = {name: text for granted in policies.documents(example.SETTINGS).values() for name, text in granted.items()}
ALL = DOCUMENTS | {names.BOUNDARY: example.BOUNDARY}

NEWER_THAN_THE_REFERENCE: Mapping[str, str] = {
    "ec2:CopyVolumes": "AmazonEBSCSIDriverPolicyV2 v1 has it",
    "elasticloadbalancing:ModifyIpPools": "AWS Load Balancer Controller v3.5.0 asks for it",
}

ACCEPTED: Mapping[tuple[str, str], str] = {
    ("UNKNOWN_CONDITION_FOR_ACTION", "Unknown condition kms:ResourceAliases for action kms:Decrypt"): (
        "a key has it, not the action: the linter asks actions alone"
    ),
    ("UNKNOWN_CONDITION_FOR_ACTION", "Unknown condition kms:ResourceAliases for action kms:Encrypt"): "as for Decrypt",
    ("MISMATCHED_TYPE_BUT_USABLE", "Type mismatch: StringEquals requires a value of type String but given Arn"): (
        "the boundary is compared whole, as in IAM's own examples"
    ),
    **{("UNKNOWN_ACTION", f"Unknown action {action}"): reason for action, reason in NEWER_THAN_THE_REFERENCE.items()},
}


def allowing(documents: Iterable[str], action: str) -> Iterator[Mapping[str, Any]]:
    """The statements that allow an action."""
    for document in documents:
        for statement in statements(document):
            if statement["Effect"] == "Allow" and action in statement["Action"]:
                yield statement


def fits(statement: Mapping[str, Any], action: Action, kind: ResourceType | None) -> bool:
    """Whether a statement can allow an action on a type of resource: by its ARN and with keys that AWS then knows."""
    resources = values(statement["Resource"])
    if kind and not any(arns_overlap(kind, resource) for resource in resources):
        return False
    condition: Mapping[str, Mapping[str, object]] = statement.get("Condition", {})
    keys = {*action.keys, *(kind.keys if kind else ())}
    return all(names_key(keys, key) for operands in condition.values() for key in operands)


def missing(documents: Iterable[str], action: Action) -> list[str]:
    """The types of resources of an action's calls that no statement allows."""
    documents = tuple(documents)
    required = [kind for kind in action.types if kind.required]
    if required:
        return [
            kind.name
            for kind in required
            if not any(fits(statement, action, kind) for statement in allowing(documents, action.name))
        ]
    kinds = action.types or (None,)
    anything = any(fits(statement, action, kind) for statement in allowing(documents, action.name) for kind in kinds)
    return [] if anything else ["whatever it acts on"]


def granted_actions(documents: Iterable[str]) -> set[str]:
    return {action for document in documents for statement in statements(document) for action in statement["Action"]}


@pytest.mark.parametrize("name", ALL)
def test_every_action_exists(name: str) -> None:
    named = {action for action in granted_actions([ALL[name]]) if "*" not in action}
    unknown = {action for action in named if action.lower() not in actions()}
    assert unknown <= set(NEWER_THAN_THE_REFERENCE)
    assert all(actions()[action.lower()].name == action for action in named - unknown), "spelled as AWS does"


@pytest.mark.parametrize("role", example.ROLES)
def test_no_role_is_granted_actions_by_a_wildcard(role: str) -> None:
    assert not {action for action in granted_actions(example.ROLES[role]) if "*" in action}


@pytest.mark.parametrize(
    ("role", "action"),
    [(role, action) for role, texts in example.ROLES.items() for action in sorted(granted_actions(texts))],
)
def test_each_resource_of_a_call_is_allowed_by_some_statement(role: str, action: str) -> None:
    assert not missing(example.ROLES[role], actions()[action.lower()])


@pytest.mark.parametrize("name", ALL)
def test_the_linter_finds_nothing_but_what_is_accepted_with_a_reason(name: str) -> None:
    left = {finding for finding in lint(ALL[name]) if (finding.issue, finding.subject) not in ACCEPTED}
    assert {finding for finding in left if not needs_another_statement(name, finding)} == set()


def needs_another_statement(name: str, finding: Finding) -> bool:
    """Whether the linter only means that one statement does not allow all of a call, or that a boundary is wide.

    A boundary grants nothing: the policies that it bounds name their resources.
    """
    if finding.issue == "RESOURCE_STAR":
        return name == names.BOUNDARY
    action = finding.subject.partition(" on ")[0]
    texts = (
        [example.BOUNDARY] if name == names.BOUNDARY else [text for texts in example.ROLES.values() for text in texts]
    )
    return finding.issue == "RESOURCE_MISMATCH" and not missing(texts, actions()[action.lower()])


def test_what_is_accepted_of_the_linter_is_still_found() -> None:
    found = {(finding.issue, finding.subject) for document in ALL.values() for finding in lint(document)}
    assert set(ACCEPTED) <= found


@pytest.mark.parametrize("role", example.ROLES)
def test_no_role_writes_on_everything(role: str) -> None:
    assert not {action for document in example.ROLES[role] for action in writes_on_everything(document)}


def test_a_role_writes_under_conditions_alone_only_where_aws_knows_no_resource() -> None:
    found = {
        action
        for documents in example.ROLES.values()
        for document in documents
        for statement in statements(document)
        if "*" in values(statement["Resource"])
        for action in statement["Action"]
        if actions()[action.lower()].writes
    }
    assert found == {"eks:CreateCluster"}
    assert not actions()["eks:createcluster"].types


def test_the_boundary_lets_shield_alone_be_changed_everywhere() -> None:
    """The load balancer controller protects what it made; its ARNs are not known, and Shield has no regions."""
    assert writes_on_everything(example.BOUNDARY) == {"shield:CreateProtection", "shield:DeleteProtection"}
