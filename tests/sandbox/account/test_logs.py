from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.account.aws import Aws, refused, unique

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Document


def group(aws: Aws, **settings: Any) -> str:
    name = unique("/aws/eks/staging")
    aws.client("logs").create_log_group(logGroupName=name, **settings)
    return name


def described(aws: Aws, name: str) -> Document:
    (found,) = aws.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return found


@pytest.mark.parametrize("days", [0, 8, 31, 10000])
def test_a_retention_that_aws_does_not_have_is_refused(aws: Aws, days: int) -> None:
    name = group(aws)
    with refused("InvalidParameterException", "retentionInDays"):
        aws.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)
    assert "retentionInDays" not in described(aws, name)


@pytest.mark.parametrize("days", [1, 30, 3653])
def test_a_retention_that_aws_has_is_kept(aws: Aws, days: int) -> None:
    name = group(aws)
    aws.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)
    assert described(aws, name)["retentionInDays"] == days


def test_a_log_group_tells_its_class(aws: Aws) -> None:
    assert described(aws, group(aws))["logGroupClass"] == "STANDARD"
    assert described(aws, group(aws, logGroupClass="INFREQUENT_ACCESS"))["logGroupClass"] == "INFREQUENT_ACCESS"


def test_a_log_group_does_not_inherit_the_tags_of_its_predecessor(aws: Aws) -> None:
    logs, name = aws.client("logs"), group(aws, tags={"one": "1"})
    arn = described(aws, name)["logGroupArn"]
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"one": "1"}
    logs.delete_log_group(logGroupName=name)
    logs.create_log_group(logGroupName=name)
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    with refused("ResourceNotFoundException"):
        logs.delete_log_group(logGroupName=f"{name}-none")
