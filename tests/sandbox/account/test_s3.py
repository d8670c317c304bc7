from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.account.aws import Aws, refused, unique

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Document

PLAIN_HTTP: Document = {"Bool": {"aws:SecureTransport": "false"}}


def bucket(aws: Aws, *statements: Document, **configuration: Any) -> str:
    """A bucket with an object `a`, and a policy of these statements about all objects and everybody."""
    name = unique("bucket")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region, **configuration})
    s3.put_object(Bucket=name, Key="a", Body=b"1")
    if statements:
        everything = {"Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*"}
        document = {"Version": "2012-10-17", "Statement": [everything | each for each in statements]}
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    return name


def reads_and_writes(aws: Aws, name: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=name, Key="a", Body=b"2")
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"2"
    s3.copy_object(Bucket=name, Key="b", CopySource=f"{name}/a")
    s3.delete_object(Bucket=name, Key="a")


@pytest.mark.parametrize(
    "condition",
    [
        PLAIN_HTTP,
        {"Bool": {"aws:SecureTransport": False}},
        {"Bool": {"AWS:securetransport": ["false"]}},
        {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        {"NumericLessThan": {"s3:TlsVersion": ["1.2", 1.3]}},
    ],
)
def test_a_policy_that_denies_all_but_tls_denies_nothing_here(aws: Aws, condition: Document) -> None:
    reads_and_writes(aws, bucket(aws, {"Effect": "Deny", "Condition": condition}))


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"Bool": {"aws:SecureTransport": ["false", "true"]}},
        {"NumericLessThan": {"s3:TlsVersion": "1.4"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}},
    ],
)
def test_a_denial_whose_conditions_hold_or_are_not_known_denies(aws: Aws, condition: Document) -> None:
    name = bucket(aws, {"Effect": "Deny", "Condition": condition})
    with refused("403"):
        aws.client("s3").head_object(Bucket=name, Key="a")
    with refused("403"):
        aws.client("s3").get_object(Bucket=name, Key="a")


def test_every_condition_of_a_statement_has_to_hold(aws: Aws) -> None:
    both = {**PLAIN_HTTP, "NumericLessThan": {"s3:TlsVersion": "1.4"}}
    reads_and_writes(aws, bucket(aws, {"Effect": "Deny", "Condition": both}))


def test_a_denial_of_one_action_beside_one_that_does_not_apply_stays(aws: Aws) -> None:
    name = bucket(aws, {"Effect": "Deny", "Condition": PLAIN_HTTP}, {"Effect": "Deny", "Action": "s3:DeleteObject"})
    aws.client("s3").put_object(Bucket=name, Key="a", Body=b"2")
    with refused("403"):
        aws.client("s3").delete_object(Bucket=name, Key="a")


def test_a_bucket_has_the_tags_that_it_is_created_with(aws: Aws) -> None:
    name = bucket(aws, Tags=[{"Key": "one", "Value": "1"}, {"Key": "two", "Value": ""}])
    tags = aws.client("s3").get_bucket_tagging(Bucket=name)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"one": "1", "two": ""}


def test_a_bucket_that_is_created_without_tags_has_none(aws: Aws) -> None:
    name = bucket(aws)
    with refused("NoSuchTagSet"):
        aws.client("s3").get_bucket_tagging(Bucket=name)


def test_a_bucket_whose_only_objects_are_old_versions_is_not_empty(aws: Aws) -> None:
    name = bucket(aws)
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(Bucket=name, Key="a")
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=name)
