"""The policies of the permanent layer fit into AWS's quotas, say where they come from, and trust one subject."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.config import SettingsError
from infra.contract import names
from permanent import github_roles, policies
from tests.permanent import example
from tests.support.iam import statements, values

if TYPE_CHECKING:
    from pathlib import Path

POLICIES_OF_A_ROLE = 10
"""Managed policies attached to a role (IAM and STS quotas, the default)."""

LONGEST = tuple("x" * 99 + digit for digit in "1234")
"""EKS takes names of at most 100 characters."""

DOCUMENTS = {name: text for granted in policies.documents(example.SETTINGS).values() for name, text in granted.items()}
ALL = DOCUMENTS | {names.BOUNDARY: example.BOUNDARY}


def test_each_role_has_its_policies() -> None:
    assert set(policies.documents(example.SETTINGS)) == {names.PREVIEW_ROLE, names.DEPLOY_ROLE, names.PUSH_ROLE}
    assert all(policies.documents(example.SETTINGS).values())


@pytest.mark.parametrize(
    "clusters", [LONGEST, tuple(f"cluster-{number}" for number in range(10))], ids=["long", "many"]
)
def test_four_clusters_of_the_longest_names_or_ten_of_usual_ones_fit_into_the_quotas(clusters: tuple[str, ...]) -> None:
    settings = example.make(clusters)
    for granted in policies.documents(settings).values():
        assert len(granted) <= POLICIES_OF_A_ROLE
        assert all(len(document) <= policies.LIMIT for document in granted.values())
    assert len(policies.boundary(settings)) <= policies.LIMIT


def test_more_clusters_than_fit_are_refused_with_the_policy_and_its_length() -> None:
    settings = example.make(tuple("x" * 98 + str(number) for number in range(10, 20)))
    with pytest.raises(SettingsError, match=r"infra-fleet-permanent:clusters: .* would have \d+ of 6144 characters"):
        policies.documents(settings)


@pytest.mark.parametrize("page", sorted(policies.DOCUMENTS.glob("*.json")), ids=lambda page: page.name)
def test_every_document_names_its_source_and_date(page: Path) -> None:
    notes = json.loads(page.read_text("utf-8"))
    assert set(notes) == {"source", "date", "policy"}
    assert notes["source"]
    assert len(notes["date"].split("-")) == 3


@pytest.mark.parametrize("name", ALL)
def test_a_document_is_minified_and_has_no_placeholder_left(name: str) -> None:
    document = ALL[name]
    assert json.dumps(json.loads(document), separators=(",", ":")) == document
    assert "@" not in document


@pytest.mark.parametrize("name", ALL)
def test_no_statement_and_no_action_or_resource_in_one_is_there_twice(name: str) -> None:
    found = statements(ALL[name])
    bodies = [json.dumps({**statement, "Sid": ""}, sort_keys=True) for statement in found]
    assert len(set(bodies)) == len(bodies)
    for statement in found:
        for part in ("Action", "Resource"):
            listed = values(statement[part])
            assert len(set(listed)) == len(listed), f"{part} of {statement}"


@pytest.mark.parametrize("role", example.ROLES)
def test_no_two_statements_of_a_role_could_be_one(role: str) -> None:
    where = [
        json.dumps([statement["Effect"], statement["Resource"], statement.get("Condition")], sort_keys=True)
        for document in example.ROLES[role]
        for statement in statements(document)
        if statement["Resource"] != "*"
    ]
    assert len(set(where)) == len(where)


def test_every_cluster_has_what_the_first_has() -> None:
    one, two = example.make(("first",)), example.make(("first", "second"))
    for role, granted in policies.documents(one).items():
        for name, document in granted.items():
            other = policies.documents(two)[role][name]
            assert other.count("second") == document.count("first") == other.count("first")


def test_a_trust_is_bound_to_audience_and_subject() -> None:
    (statement,) = json.loads(policies.trust("arn:aws:iam::1:oidc-provider/x", "repo:o/r", "pull_request"))["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/x"},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": "repo:o/r:pull_request",
            }
        },
    }


def test_only_a_subject_with_wildcards_is_compared_with_them() -> None:
    (statement,) = json.loads(policies.trust("arn", "repo:o/r", "ref:refs/tags/v*", like=True))["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
        "StringLike": {"token.actions.githubusercontent.com:sub": "repo:o/r:ref:refs/tags/v*"},
    }


def test_the_deploy_role_is_for_main_even_where_the_environment_is_not_protected() -> None:
    """A job of another branch can name the environment wherever a plan has no branch policies."""
    deploy = github_roles.ROLES[names.DEPLOY_ROLE]
    (statement,) = json.loads(policies.trust("arn", "repo:o/r", deploy.subject, ref=deploy.ref))["Statement"]
    claims = {"aud": "sts.amazonaws.com", "sub": "repo:o/r:environment:staging", "ref": "refs/heads/main"}
    assert statement["Condition"] == {
        "StringEquals": {f"{names.GITHUB_ISSUER}:{claim}": value for claim, value in claims.items()}
    }
