"""Budgets as AWS does it, where moto lacks operations or takes what AWS refuses.

Source of the AWS side: Budgets API reference, the operation of the same name; Cost Management user guide, "Creating a
budget" (no forecasts of a day).
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.budgets import urls
from moto.budgets.exceptions import NotFoundException
from moto.budgets.models import Budget, BudgetsBackend, budgets_backends
from moto.budgets.responses import BudgetsResponse
from moto.core.exceptions import JsonRESTError
from moto.utilities.tagging_service import TaggingService

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Document = dict[str, Any]

IDENTIFYING = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
"""What tells a budget's notifications apart."""


class Budgets(BudgetsBackend):
    """The Budgets of one account."""

    @property
    def _url_module(self) -> Any:
        return urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.tagger = TaggingService()

    def known(self, account_id: str, name: str) -> Budget:
        """A budget; NotFoundException."""
        budget = self.budgets[account_id].get(name)
        if budget is None:
            raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
        return budget

    def tagged(self, arn: str) -> str:
        """The ARN (`arn:aws:budgets::<account>:budget/<name>`) of a budget that is there; NotFoundException."""
        self.known(arn.split(":")[4], arn.partition(":budget/")[2])
        return arn

    def create_budget(self, account_id: str, budget: Document, notifications: list[Document]) -> None:
        """No forecast of a day's costs (moto takes any notification)."""
        for each in notifications:
            refuse_forecast_of_a_day(budget, each["Notification"])
        super().create_budget(account_id, budget, notifications)

    def create_notification(self, account_id: str, budget_name: str, notification: Document, subscribers: Any) -> None:
        """As `create_budget`."""
        refuse_forecast_of_a_day(self.known(account_id, budget_name).budget, notification)
        super().create_notification(account_id, budget_name, notification, subscribers)

    def describe_notifications_for_budget(self, account_id: str, budget_name: str) -> Iterable[Document]:
        """Of a budget that is there (moto: of any)."""
        return self.known(account_id, budget_name).get_notifications()

    def delete_budget(self, account_id: str, budget_name: str) -> None:
        """Its tags go with it."""
        super().delete_budget(account_id, budget_name)
        self.tagger.delete_all_tags_for_resource(f"arn:aws:budgets::{account_id}:budget/{budget_name}")


class Response(BudgetsResponse):
    """The HTTP side, with the operations that moto lacks."""

    @property
    def backend(self) -> Any:
        """Budgets of the account that the call is for."""
        return budgets_backends[self.current_account][self.partition]

    def create_budget(self) -> str:
        """CreateBudget, with its tags."""
        answer = super().create_budget()
        name = self._get_param("Budget")["BudgetName"]
        arn = f"arn:aws:budgets::{self._get_param('AccountId')}:budget/{name}"
        self.backend.tagger.tag_resource(arn, self._get_param("ResourceTags", []))
        return answer

    def update_budget(self) -> str:
        """UpdateBudget: what the request does not give is AWS's default again, except for the period."""
        new = self._get_param("NewBudget")
        budget = self.backend.known(self._get_param("AccountId"), new["BudgetName"])
        for notification in budget.get_notifications():
            refuse_forecast_of_a_day(new, notification)
        budget.budget = {"TimePeriod": budget.budget["TimePeriod"]} | new
        return "{}"

    def describe_subscribers_for_notification(self) -> str:
        """DescribeSubscribersForNotification."""
        wanted = identity(self._get_param("Notification"))
        budget = self.backend.known(self._get_param("AccountId"), self._get_param("BudgetName"))
        for notification in budget.notifications:
            if identity(notification.details) == wanted:
                return json.dumps({"Subscribers": notification.subscribers})
        raise NotFoundException("Unable to get subscribers - the notification doesn't exist.")

    def tag_resource(self) -> str:
        """TagResource."""
        self.backend.tagger.tag_resource(self._tagged(), self._get_param("ResourceTags"))
        return "{}"

    def untag_resource(self) -> str:
        """UntagResource."""
        self.backend.tagger.untag_resource_using_names(self._tagged(), self._get_param("ResourceTagKeys"))
        return "{}"

    def list_tags_for_resource(self) -> str:
        """ListTagsForResource."""
        return json.dumps({"ResourceTags": self.backend.tagger.list_tags_for_resource(self._tagged())["Tags"]})

    def _tagged(self) -> str:
        return self.backend.tagged(self._get_param("ResourceARN"))


def identity(notification: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a notification from others of its budget; its threshold is a percentage by default."""
    return tuple(({"ThresholdType": "PERCENTAGE"} | dict(notification))[member] for member in IDENTIFYING)


def refuse_forecast_of_a_day(budget: Mapping[str, Any], notification: Mapping[str, Any]) -> None:
    """InvalidParameterException: AWS forecasts the costs of no day."""
    if (budget["TimeUnit"], notification["NotificationType"]) == ("DAILY", "FORECASTED"):
        raise JsonRESTError("InvalidParameterException", "Forecasted notifications are not supported for daily budgets")


def install() -> None:
    """Make moto build `Budgets` wherever it builds a backend of Budgets, and send all requests to `Response`."""
    budgets_backends.backend = Budgets
    paths: Any = urls.url_paths
    paths["{0}/$"] = Response.dispatch
