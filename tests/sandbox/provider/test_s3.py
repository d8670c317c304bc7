from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sandbox.provider.s3 import ROWS
from tests.sandbox.account.aws import unique
from tests.sandbox.provider.driver import RefusedError
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Aws
    from tests.sandbox.provider.driver import Driver

BUCKET, POLICY, VERSIONING, ENCRYPTION, PUBLIC_ACCESS, OWNERSHIP, LIFECYCLE = (row.type for row in ROWS)


@pytest.fixture
def bucket(aws: Driver) -> str:
    return aws.create(BUCKET, "bucket", {"bucket": unique("bucket")}).id


def test_bucket(aws: Driver) -> None:
    name = unique("bucket")
    inputs: dict[str, Any] = {"bucket": name, "tags": {"Name": "state"}}
    bucket = made(aws, BUCKET, "state", inputs)
    assert bucket.id == name
    assert bucket["arn"] == f"arn:aws:s3:::{name}"
    assert bucket["bucketRegion"] == "eu-west-2"
    assert bucket["bucketRegionalDomainName"] == f"{name}.s3.eu-west-2.amazonaws.com"
    assert bucket["tagsAll"] == {"Name": "state", "environment": "test"}
    imported(aws, bucket, inputs)
    bucket = updated(
        aws,
        bucket,
        Update(inputs | {"tags": {"Name": "other", "more": "1"}}, {"tags.Name", "tags.more"}),
        Update({"bucket": name}, {"tags"}, {"tagsAll": {"environment": "test"}}),
    )
    differ = aws.diff(bucket, {"bucket": unique("bucket")})
    assert (differ.replaces, differ.delete_before_replace) == (["bucket"], True)
    gone(aws, bucket)


def test_a_bucket_without_a_name_gets_one(aws: Driver) -> None:
    assert aws.create(BUCKET, "state", {}).id.startswith("state-")


@pytest.mark.parametrize("name", ["State", "ab", "a" * 64, "-state", "state-", "a..b", "a_b"])
def test_a_name_that_s3_refuses_is_refused_before_the_call(aws: Driver, name: str) -> None:
    with pytest.raises(RefusedError, match="bucket"):
        aws.check(BUCKET, "state", {"bucket": name})


def test_a_bucket_that_is_to_be_emptied_is_refused(aws: Driver) -> None:
    with pytest.raises(RefusedError, match="forceDestroy"):
        aws.check(BUCKET, "state", {"forceDestroy": True})


def test_a_bucket_with_objects_stays(aws: Driver, account_api: Aws) -> None:
    bucket = aws.create(BUCKET, "state", {})
    account_api.client("s3").put_object(Bucket=bucket.id, Key="a", Body=b"1")
    with pytest.raises(grpc.RpcError, match="BucketNotEmpty"):
        aws.delete(bucket)
    assert aws.refresh(bucket) is not None


def policy(sid: str) -> str:
    statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# Each configuration: its inputs, changed ones, and the path of the change.
CONFIGURATIONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    POLICY: ({"policy": policy("One")}, {"policy": policy("Two")}, "policy"),
    ENCRYPTION: (
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        {
            "rules": [
                {
                    "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "alias/state"},
                    "bucketKeyEnabled": True,
                }
            ]
        },
        "rules",
    ),
    PUBLIC_ACCESS: (
        {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True},
        {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True},
        "restrictPublicBuckets",
    ),
    OWNERSHIP: (
        {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
        {"rule": {"objectOwnership": "ObjectWriter"}},
        "rule.objectOwnership",
    ),
    LIFECYCLE: (
        {
            "rules": [
                {
                    "id": "old-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrentVersionExpiration": {"noncurrentDays": 90},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                }
            ]
        },
        {"rules": [{"id": "old-versions", "status": "Disabled", "filter": {"prefix": "x"}, "expiration": {"days": 1}}]},
        "rules",
    ),
}


@pytest.mark.parametrize("token", CONFIGURATIONS)
def test_configuration(aws: Driver, bucket: str, token: str) -> None:
    inputs, others, path = CONFIGURATIONS[token]
    inputs, others = inputs | {"bucket": bucket}, others | {"bucket": bucket}
    resource = made(aws, token, "state", inputs)
    assert resource.id == bucket
    imported(aws, resource, inputs)
    changed = aws.diff(resource, others).kinds
    assert {each.partition("[")[0] for each in changed} == {path}
    resource = updated(aws, resource, Update(others, set(changed)), Update(inputs, set(changed)))
    assert aws.diff(resource, inputs | {"bucket": f"{bucket}-2"}).replaces == ["bucket"]
    gone(aws, resource)


def test_versioning_is_suspended_and_never_gone(aws: Driver, bucket: str) -> None:
    inputs = {"bucket": bucket, "versioningConfiguration": {"status": "Enabled"}}
    versioning = made(aws, VERSIONING, "state", inputs)
    imported(aws, versioning, inputs)
    suspended = {"bucket": bucket, "versioningConfiguration": {"status": "Suspended"}}
    path = "versioningConfiguration.status"
    versioning = updated(aws, versioning, Update(suspended, {path}), Update(inputs, {path}))
    aws.delete(versioning)
    found = aws.refresh(versioning)
    assert found is not None
    assert found["versioningConfiguration"] == {"status": "Suspended"}


def test_versioning_of_a_bucket_that_never_had_it_is_not_there(aws: Driver, bucket: str) -> None:
    assert aws.import_(VERSIONING, "state", bucket) is None


@pytest.mark.parametrize("token", [*CONFIGURATIONS, VERSIONING])
def test_a_configuration_of_a_bucket_that_is_gone_is_gone(aws: Driver, token: str) -> None:
    assert aws.import_(token, "state", unique("none")) is None


def test_a_word_that_s3_does_not_know_is_refused(aws: Driver, bucket: str) -> None:
    with pytest.raises(RefusedError, match=r"versioningConfiguration\.status"):
        aws.check(VERSIONING, "state", {"bucket": bucket, "versioningConfiguration": {"status": "On"}})
    rules: list[Any] = [{"id": "a", "status": "Enabled", "filter": {}, "transitions": []}]
    with pytest.raises(RefusedError, match="transitions"):
        aws.check(LIFECYCLE, "state", {"bucket": bucket, "rules": rules})
