from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.account.aws import Aws, refused

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Document


def key(aws: Aws) -> Document:
    return aws.client("kms").create_key()["KeyMetadata"]


def test_a_key_is_rotated_every_year_unless_the_request_says_otherwise(aws: Aws) -> None:
    kms, made = aws.client("kms"), key(aws)
    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=made["KeyId"])

    kms.enable_key_rotation(KeyId=made["KeyId"])
    assert kms.get_key_rotation_status(KeyId=made["Arn"])["RotationPeriodInDays"] == 365
    kms.enable_key_rotation(KeyId=made["Arn"], RotationPeriodInDays=90)
    assert kms.get_key_rotation_status(KeyId=made["KeyId"])["RotationPeriodInDays"] == 90

    kms.disable_key_rotation(KeyId=made["KeyId"])
    status = kms.get_key_rotation_status(KeyId=made["KeyId"])
    assert (status["KeyRotationEnabled"], "RotationPeriodInDays" in status) == (False, False)


def test_a_rotation_period_out_of_bounds_is_refused(aws: Aws) -> None:
    made = key(aws)
    with refused("ValidationException", "rotationPeriodInDays"):
        aws.client("kms").enable_key_rotation(KeyId=made["KeyId"], RotationPeriodInDays=2561)
    assert not aws.client("kms").get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"]


@pytest.mark.parametrize("days", [1, 6, 31])
def test_a_deletion_window_out_of_bounds_is_refused(aws: Aws, days: int) -> None:
    made = key(aws)
    with refused("ValidationException", "pendingWindowInDays"):
        aws.client("kms").schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=days)
    assert aws.client("kms").describe_key(KeyId=made["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_key_pending_deletion_does_nothing_until_it_is_taken_back(aws: Aws) -> None:
    kms, made = aws.client("kms"), key(aws)
    by_id = {"KeyId": made["KeyId"]}
    secret = kms.encrypt(**by_id, Plaintext=b"secret")["CiphertextBlob"]

    answer = kms.schedule_key_deletion(KeyId=made["Arn"], PendingWindowInDays=7)
    assert (answer["KeyId"], answer["KeyState"], answer["PendingWindowInDays"]) == (made["Arn"], "PendingDeletion", 7)
    with refused("KMSInvalidStateException", "pending deletion"):
        kms.encrypt(**by_id, Plaintext=b"secret")
    with refused("KMSInvalidStateException"):
        kms.decrypt(CiphertextBlob=secret)
    with refused("KMSInvalidStateException"):
        kms.generate_data_key(**by_id, KeySpec="AES_256")
    with refused("KMSInvalidStateException"):
        kms.schedule_key_deletion(**by_id)

    kms.cancel_key_deletion(**by_id)
    with refused("DisabledException"):
        kms.decrypt(CiphertextBlob=secret)
    kms.enable_key(**by_id)
    assert kms.decrypt(CiphertextBlob=secret)["Plaintext"] == b"secret"


def test_a_key_is_deleted_in_thirty_days_by_default(aws: Aws) -> None:
    made = key(aws)
    assert aws.client("kms").schedule_key_deletion(KeyId=made["KeyId"])["PendingWindowInDays"] == 30
