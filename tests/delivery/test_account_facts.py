"""What `configure` learns of an account: zones that EKS takes, whole ARNs; of another account, nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from delivery.account_facts import AccountFacts
from sandbox.account import process
from sandbox.account.clients import client
from tests.sandbox.account.aws import unique
from tests.support.account import ACCOUNT_ID

if TYPE_CHECKING:
    from sandbox.account.process import Account

OTHER = "210987654321"


@pytest.fixture
def facts(account: Account, monkeypatch: pytest.MonkeyPatch) -> AccountFacts:
    for name, value in process.environment(account).items():
        monkeypatch.setenv(name, value)
    return AccountFacts()


def test_the_zones_are_those_of_the_account_that_eks_takes(facts: AccountFacts) -> None:
    found = facts.zones(ACCOUNT_ID, "us-east-1")
    assert found["us-east-1a"] == "use1-az6"
    assert "use1-az3" not in found.values()
    assert facts.zones(OTHER, "us-east-1") == {}


def test_a_role_is_found_by_its_name_with_its_path(facts: AccountFacts, account: Account) -> None:
    iam, name = client("iam", endpoint=account.endpoint, region=account.region), unique("AWSReservedSSO_Admin")
    path = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role{path}{name}"
    assert facts.role(ACCOUNT_ID, "eu-west-2", name) == arn
    assert facts.role(ACCOUNT_ID, "eu-west-2", "nobody") is None
    assert facts.role(OTHER, "eu-west-2", name) is None


def test_without_an_answer_nothing_is_known(facts: AccountFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert facts.zones(ACCOUNT_ID, "us-east-1") == {}
    assert facts.role(ACCOUNT_ID, "us-east-1", "nobody") is None
