"""The row of Budgets, a service of the account whose calls all name it."""

from __future__ import annotations

from typing import Any

from . import mapping
from .names import AutoName
from .row import Key, Property, Resource, Response, Row, Step, Tagging, tag_list
from .same import as_set, equal
from .shape import Located
from .values import UNKNOWN, as_list

_LIMIT = ("budgetType", "timeUnit", "limitAmount", "limitUnit")
_NOTIFICATION = {
    "ComparisonOperator": "comparisonOperator",
    "NotificationType": "notificationType",
    "Threshold": "threshold",
    "ThresholdType": "thresholdType",
}
_SUBSCRIBERS = {"EMAIL": "subscriberEmailAddresses", "SNS": "subscriberSnsTopicArns"}


def _encode(notifications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "Notification": {member: each.get(name) for member, name in _NOTIFICATION.items()},
            "Subscribers": [
                {"SubscriptionType": kind, "Address": address}
                for kind, name in _SUBSCRIBERS.items()
                for address in _addresses(each.get(name))
            ],
        }
        for each in notifications
    ]


def _addresses(value: Any) -> list[Any]:
    """An unknown list counts as one unknown address: there is one at least."""
    return [UNKNOWN] if value is UNKNOWN else as_list(value)


def _decode(notifications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for each in notifications:
        members = {name: each["Notification"].get(member) for member, name in _NOTIFICATION.items()}
        for subscriber in each["Subscribers"]:
            members.setdefault(_SUBSCRIBERS[subscriber["SubscriptionType"]], []).append(subscriber["Address"])
        told.append(members)
    return told


def _same_amount(old: Any, new: Any) -> bool:
    """AWS answers 100 with 100.0."""
    try:
        return float(old) == float(new)
    except (TypeError, ValueError):
        return equal(old, new)


def _call(r: Resource, operation: str, **more: Any) -> Response:
    return r.call(operation, AccountId=r.account.id, BudgetName=r["name"], **more)


def _arn(r: Resource) -> str:
    return f"arn:aws:budgets::{r.account.id}:budget/{r['name']}"


def _notifications(r: Resource) -> list[Response]:
    """All are on one page: a budget has at most ten, each with at most eleven subscribers (Budgets API reference)."""
    found = _call(r, "DescribeNotificationsForBudget")["Notifications"]
    return [
        {
            "Notification": each,
            "Subscribers": _call(r, "DescribeSubscribersForNotification", Notification=each)["Subscribers"],
        }
        for each in found
    ]


def _read_budget(r: Resource) -> Response | None:
    return {
        "Budget": _call(r, "DescribeBudget")["Budget"],
        "NotificationsWithSubscribers": _notifications(r),
        "Arn": _arn(r),
        "Tags": r.call("ListTagsForResource", ResourceARN=_arn(r))["ResourceTags"],
    }


def _update_budget(r: Resource) -> None:
    budget = mapping.parameters(r, "CreateBudget", _LIMIT)["Budget"]
    r.call("UpdateBudget", AccountId=r.account.id, NewBudget=budget)


def _renotify(r: Resource) -> None:
    for each in _call(r, "DescribeNotificationsForBudget")["Notifications"]:
        _call(r, "DeleteNotification", Notification=each)
    for each in _encode(as_list(r["notifications"])):
        _call(r, "CreateNotification", **each)


BUDGET = Row(
    type="aws:budgets/budget:Budget",
    service="budgets",
    cloudformation="AWS::Budgets::Budget",
    key=Key(
        make=lambda r, _: f"{r.account.id}:{r['name']}",
        parse=lambda given: (given, {"name": given.rpartition(":")[2]}),
        properties=("name",),
    ),
    name=AutoName("name", 100),
    properties={
        "name": Property(member="Budget.BudgetName", replaces=True),
        "budgetType": Property(member="Budget.BudgetType"),
        "timeUnit": Property(member="Budget.TimeUnit"),
        "limitAmount": Property(member="Budget.BudgetLimit.Amount", required=True, same=_same_amount),
        "limitUnit": Property(member="Budget.BudgetLimit.Unit", required=True),
        "notifications": Property(
            member="NotificationsWithSubscribers",
            many=True,
            same=as_set,
            encode=_encode,
            decode=_decode,
            fields={
                **{name: Property(required=True) for name in _NOTIFICATION.values()},
                **{name: Property(same=as_set) for name in _SUBSCRIBERS.values()},
            },
        ),
    },
    outputs={"arn": Property()},
    create="CreateBudget",
    constants=lambda account: {"AccountId": account.id},
    read=_read_budget,
    steps=(Step(_LIMIT, run=_update_budget), Step(("notifications",), run=_renotify)),
    delete=lambda r: _call(r, "DeleteBudget"),
    tags=Tagging(
        create=lambda tags: {"ResourceTags": Located("tags", tag_list(tags), whole=True)},
        tag=lambda r, tags: r.call("TagResource", ResourceARN=_arn(r), ResourceTags=tag_list(tags)),
        untag=lambda r, keys: r.call("UntagResource", ResourceARN=_arn(r), ResourceTagKeys=keys),
    ),
    differs=dict.fromkeys(
        (f"notifications.{name}" for name in (*_NOTIFICATION.values(), *_SUBSCRIBERS.values())),
        "CloudFormation makes another budget; pulumi-aws exchanges the notifications",
    ),
)

ROWS = (BUDGET,)
