from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sandbox.provider.budgets import BUDGET
from sandbox.provider.values import UNKNOWN
from tests.sandbox.account.aws import unique
from tests.sandbox.provider.driver import RefusedError
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated

if TYPE_CHECKING:
    from tests.sandbox.provider.driver import Driver


def notification(threshold: float, **more: Any) -> dict[str, Any]:
    return {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "ACTUAL",
        "threshold": threshold,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": ["platform@example.com"],
    } | more


def budget(**more: Any) -> dict[str, Any]:
    return {
        "name": unique("daily"),
        "budgetType": "COST",
        "timeUnit": "DAILY",
        "limitAmount": "20",
        "limitUnit": "USD",
        "notifications": [notification(80), notification(100)],
    } | more


def test_budget(aws: Driver) -> None:
    inputs = budget(tags={"Name": "net"})
    resource = made(aws, BUDGET.type, "net", inputs)
    assert resource.id == f"111122223333:{inputs['name']}"
    assert resource["arn"] == f"arn:aws:budgets::111122223333:budget/{inputs['name']}"
    assert resource["tagsAll"] == {"Name": "net", "environment": "test"}
    imported(aws, resource, inputs)
    topic = "arn:aws:sns:eu-west-2:111122223333:alarms"
    resource = updated(
        aws,
        resource,
        Update(inputs | {"limitAmount": "25.5"}, {"limitAmount"}, {"limitAmount": "25.5"}),
        Update(inputs | {"timeUnit": "MONTHLY"}, {"limitAmount", "timeUnit"}, {"limitAmount": "20"}),
        Update(
            inputs | {"notifications": [notification(99.5, subscriberSnsTopicArns=[topic])]},
            {
                "timeUnit",
                "notifications[0].threshold",
                "notifications[0].subscriberSnsTopicArns",
                "notifications[1]",
            },
        ),
        Update({key: value for key, value in inputs.items() if key != "notifications"}, {"notifications"}),
        Update(inputs | {"tags": {"more": "1"}}, {"notifications", "tags.Name", "tags.more"}),
    )
    assert aws.diff(resource, inputs | {"name": "other"}).replaces == ["name"]
    gone(aws, resource)


def test_an_amount_in_another_layout_changes_nothing(aws: Driver) -> None:
    inputs = budget()
    resource = aws.create(BUDGET.type, "net", inputs)
    assert aws.diff(resource, inputs | {"limitAmount": "20.0"}).kinds == {}
    assert aws.diff(resource, inputs | {"limitAmount": "20.01"}).kinds != {}


def test_notifications_that_aws_tells_in_another_order_are_no_drift(aws: Driver) -> None:
    inputs = budget()
    turned = aws.create(BUDGET.type, "turned", budget(notifications=inputs["notifications"][::-1]))
    found = aws.refresh(replace(turned, inputs=inputs | {"name": turned["name"]}))
    assert found is not None
    assert found.inputs["notifications"] == inputs["notifications"]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"limitAmount": "a lot"}, "limitAmount"),
        ({"limitAmount": None}, "limitAmount"),
        ({"timeUnit": "HOURLY"}, "timeUnit"),
        ({"notifications": [notification(80, subscriberEmailAddresses=[])]}, "notifications"),
        ({"notifications": [notification(80, comparisonOperator="ABOVE")]}, "notifications"),
        ({"notifications": [notification(80, mail="platform@example.com")]}, "notifications"),
    ],
)
def test_what_budgets_refuses_is_refused_before_the_call(aws: Driver, wrong: dict[str, Any], path: str) -> None:
    with pytest.raises(RefusedError, match=path):
        aws.check(BUDGET.type, "net", budget(**wrong))


def test_subscribers_that_are_not_known_yet_are_taken(aws: Driver) -> None:
    wanted = notification(80, subscriberEmailAddresses=UNKNOWN)
    assert aws.preview(BUDGET.type, "net", budget(notifications=[wanted]))["notifications"] == [wanted]


def test_the_refusal_of_a_forecast_for_a_day_reaches_the_user(aws: Driver) -> None:
    inputs = budget(notifications=[notification(100, notificationType="FORECASTED")])
    with pytest.raises(grpc.RpcError, match="InvalidParameterException"):
        aws.create(BUDGET.type, "net", inputs)
