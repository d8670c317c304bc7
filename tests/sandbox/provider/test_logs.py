from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.provider.logs import LOG_GROUP
from tests.sandbox.account.aws import unique
from tests.sandbox.provider.driver import RefusedError
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Aws
    from tests.sandbox.provider.driver import Driver

GROUP = LOG_GROUP.type


def test_log_group(aws: Driver) -> None:
    name = f"/aws/eks/{unique('staging')}/cluster"
    inputs: dict[str, Any] = {
        "name": name,
        "retentionInDays": 30,
        "logGroupClass": "INFREQUENT_ACCESS",
        "tags": {"Name": "logs"},
    }
    aws.create(GROUP, "longer", {"name": f"{name}-2"})
    group = made(aws, GROUP, "logs", inputs)
    assert group.id == name
    assert group["arn"] == f"arn:aws:logs:eu-west-2:111122223333:log-group:{name}"
    assert group["tagsAll"] == {"Name": "logs", "environment": "test"}
    imported(aws, group, inputs)
    without = {key: value for key, value in inputs.items() if key != "retentionInDays"}
    group = updated(
        aws,
        group,
        Update(inputs | {"retentionInDays": 90}, {"retentionInDays"}, {"retentionInDays": 90}),
        Update(without, {"retentionInDays"}, {"retentionInDays": 0}),
        Update(inputs | {"tags": {"more": "1"}}, {"retentionInDays", "tags.Name", "tags.more"}),
    )
    assert aws.diff(group, inputs | {"name": f"{name}-3"}).replaces == ["name"]
    assert aws.diff(group, inputs | {"logGroupClass": "STANDARD"}).replaces == ["logGroupClass"]
    gone(aws, group)


def test_a_log_group_without_settings_keeps_for_ever(aws: Driver) -> None:
    group = made(aws, GROUP, "plain", {"name": unique("plain")})
    assert (group["retentionInDays"], group["logGroupClass"]) == (0, "STANDARD")
    gone(aws, group)


def test_a_log_group_can_outlive_its_resource(aws: Driver, account_api: Aws) -> None:
    group = aws.create(GROUP, "kept", {"name": unique("kept"), "skipDestroy": True})
    aws.delete(group)
    found = account_api.client("logs").describe_log_groups(logGroupNamePrefix=group.id)["logGroups"]
    assert [each["logGroupName"] for each in found] == [group.id]


def test_a_retention_that_aws_does_not_have_is_refused_before_the_call(aws: Driver) -> None:
    with pytest.raises(RefusedError, match="retentionInDays"):
        aws.check(GROUP, "logs", {"name": "logs", "retentionInDays": 8})
