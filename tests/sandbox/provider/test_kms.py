from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sandbox.provider.kms import ROWS
from tests.sandbox.account.aws import unique
from tests.sandbox.provider.driver import RefusedError
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Aws
    from tests.sandbox.provider.driver import Driver

KEY, ALIAS = (row.type for row in ROWS)


def policy(sid: str) -> str:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_key(aws: Driver, account_api: Aws) -> None:
    inputs: dict[str, Any] = {
        "description": "State",
        "policy": policy("One"),
        "enableKeyRotation": True,
        "deletionWindowInDays": 7,
        "tags": {"Name": "state"},
    }
    key = made(aws, KEY, "state", inputs)
    assert key.id == key["keyId"]
    assert key["arn"] == f"arn:aws:kms:eu-west-2:111122223333:key/{key.id}"
    assert key["tagsAll"] == {"Name": "state", "environment": "test"}
    kms = account_api.client("kms")
    assert kms.get_key_rotation_status(KeyId=key.id)["KeyRotationEnabled"]
    imported(aws, key, inputs)
    key = updated(
        aws,
        key,
        Update(inputs | {"description": "Other", "policy": policy("Two")}, {"description", "policy"}),
        Update(
            inputs | {"enableKeyRotation": False, "tags": {}},
            {"description", "policy", "enableKeyRotation", "tags"},
            {"enableKeyRotation": False, "tagsAll": {"environment": "test"}},
        ),
        Update(inputs, {"enableKeyRotation", "tags"}, {"enableKeyRotation": True}),
    )
    gone(aws, key)
    metadata = kms.describe_key(KeyId=key.id)["KeyMetadata"]
    assert metadata["KeyState"] == "PendingDeletion"


def test_a_key_without_settings_has_awss_policy_and_no_rotation(aws: Driver) -> None:
    key = made(aws, KEY, "plain", {})
    assert key["enableKeyRotation"] is False
    assert "kms:*" in key["policy"]
    gone(aws, key)


@pytest.mark.parametrize("days", [6, 31, "a week"])
def test_a_deletion_window_that_kms_refuses_is_refused_before_the_call(aws: Driver, days: Any) -> None:
    with pytest.raises(RefusedError, match="deletionWindowInDays"):
        aws.check(KEY, "state", {"deletionWindowInDays": days})


def test_alias(aws: Driver) -> None:
    first, second = (aws.create(KEY, name, {}) for name in ("first", "second"))
    name = f"alias/{unique('state')}"
    inputs = {"name": name, "targetKeyId": first["keyId"]}
    alias = made(aws, ALIAS, "state", inputs)
    assert alias.id == name
    assert alias["arn"] == f"arn:aws:kms:eu-west-2:111122223333:{name}"
    assert alias["targetKeyArn"] == first["arn"]
    imported(aws, alias, inputs)
    assert aws.diff(alias, inputs | {"targetKeyId": first["arn"]}).kinds == {}
    alias = updated(
        aws,
        alias,
        Update(inputs | {"targetKeyId": second["arn"]}, {"targetKeyId"}, {"targetKeyArn": second["arn"]}),
    )
    assert aws.diff(alias, inputs | {"name": f"{name}-2"}).replaces == ["name"]
    gone(aws, alias)


@pytest.mark.parametrize("name", ["state", "alias/aws/state"])
def test_a_name_that_is_no_alias_of_the_customer_is_refused(aws: Driver, name: str) -> None:
    with pytest.raises(RefusedError, match="name"):
        aws.check(ALIAS, "state", {"name": name, "targetKeyId": "x"})


def test_an_alias_that_is_taken_is_refused(aws: Driver) -> None:
    key = aws.create(KEY, "key", {})
    inputs = {"name": f"alias/{unique('state')}", "targetKeyId": key.id}
    aws.create(ALIAS, "one", inputs)
    with pytest.raises(grpc.RpcError, match="AlreadyExistsException"):
        aws.create(ALIAS, "two", inputs)
