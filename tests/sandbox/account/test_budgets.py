from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sandbox.account.aws import Aws, refused, unique

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Document

ACCOUNT = "111122223333"


def notification(threshold: float, kind: str = "ACTUAL") -> Document:
    return {"NotificationType": kind, "ComparisonOperator": "GREATER_THAN", "Threshold": threshold}


def subscriber(name: str) -> Document:
    return {"SubscriptionType": "EMAIL", "Address": f"{name}@example.com"}


def settings(**more: Any) -> Document:
    limit = {"Amount": "20", "Unit": "USD"}
    return {"BudgetName": unique("budget"), "BudgetType": "COST", "TimeUnit": "DAILY", "BudgetLimit": limit} | more


def create(aws: Aws, budget: Document, *notified: tuple[Document, Document], **more: Any) -> Document:
    """Create it, and give what names it in other calls."""
    with_subscribers = [{"Notification": each, "Subscribers": [to]} for each, to in notified]
    aws.client("budgets").create_budget(
        AccountId=ACCOUNT, Budget=budget, NotificationsWithSubscribers=with_subscribers, **more
    )
    return {"AccountId": ACCOUNT, "BudgetName": budget["BudgetName"]}


def test_each_notification_has_its_own_subscribers(aws: Aws) -> None:
    budgets = aws.client("budgets")
    named = create(aws, settings(), (notification(80), subscriber("one")), (notification(100), subscriber("two")))
    for threshold, name in ((80, "one"), (100.0, "two")):
        wanted = notification(threshold) | {"ThresholdType": "PERCENTAGE"}
        answer = budgets.describe_subscribers_for_notification(**named, Notification=wanted)
        assert answer["Subscribers"] == [subscriber(name)]
    with refused("NotFoundException", "notification"):
        budgets.describe_subscribers_for_notification(**named, Notification=notification(90))


def test_an_update_sets_all_but_the_notifications(aws: Aws) -> None:
    budgets, budget = aws.client("budgets"), settings()
    named = create(aws, budget, (notification(80), subscriber("one")))
    start = budgets.describe_budget(**named)["Budget"]["TimePeriod"]["Start"]

    new = budget | {"BudgetLimit": {"Amount": "30", "Unit": "USD"}, "TimeUnit": "MONTHLY"}
    budgets.update_budget(AccountId=ACCOUNT, NewBudget=new)

    found = budgets.describe_budget(**named)["Budget"]
    assert (found["BudgetLimit"]["Amount"], found["TimeUnit"], found["TimePeriod"]["Start"]) == ("30", "MONTHLY", start)
    assert len(budgets.describe_notifications_for_budget(**named)["Notifications"]) == 1


def test_tags_are_set_at_creation_and_later_and_go_with_the_budget(aws: Aws) -> None:
    budgets, budget = aws.client("budgets"), settings()
    named = create(aws, budget, ResourceTags=[{"Key": "one", "Value": "1"}])
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/{budget['BudgetName']}"
    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "two", "Value": "2"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["one"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "two", "Value": "2"}]

    budgets.delete_budget(**named)
    with refused("NotFoundException"):
        budgets.list_tags_for_resource(ResourceARN=arn)
    create(aws, budget)
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == []


def test_a_day_has_no_forecast(aws: Aws) -> None:
    budgets, forecast = aws.client("budgets"), notification(100, "FORECASTED")
    with refused("InvalidParameterException", "daily"):
        create(aws, settings(), (forecast, subscriber("one")))
    daily = create(aws, settings())
    with refused("InvalidParameterException", "daily"):
        budgets.create_notification(**daily, Notification=forecast, Subscribers=[subscriber("one")])

    monthly = settings(TimeUnit="MONTHLY")
    create(aws, monthly, (forecast, subscriber("one")))
    with refused("InvalidParameterException", "daily"):
        budgets.update_budget(AccountId=ACCOUNT, NewBudget=monthly | {"TimeUnit": "DAILY"})


def test_a_budget_that_is_not_there_is_not_found(aws: Aws) -> None:
    budgets, named = aws.client("budgets"), {"AccountId": ACCOUNT, "BudgetName": unique("none")}
    with refused("NotFoundException"):
        budgets.describe_notifications_for_budget(**named)
    with refused("NotFoundException"):
        budgets.describe_subscribers_for_notification(**named, Notification=notification(80))
    with refused("NotFoundException"):
        budgets.create_notification(**named, Notification=notification(80), Subscribers=[subscriber("one")])
    with refused("NotFoundException"):
        budgets.update_budget(AccountId=ACCOUNT, NewBudget=settings())
