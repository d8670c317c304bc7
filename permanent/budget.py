"""The net outside GitHub: AWS itself writes to people when a day costs more than one that ends in the evening."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra.contract import names

if TYPE_CHECKING:
    from permanent.settings import Settings

THRESHOLDS_PERCENT = (80, 100)


class Budget(pulumi.ComponentResource):
    """A cost budget of the whole account, by the day.

    AWS brings costs up to date about three times a day, so the message comes hours late, and forecasts no daily budget
    (AWS Cost Management user guide, "Managing your costs with AWS Budgets").
    """

    def __init__(self, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{names.PERMANENT_PROJECT}:index:Budget", "budget", None, opts)
        aws.budgets.Budget(
            "daily",
            name=names.BUDGET,
            budget_type="COST",
            time_unit="DAILY",
            limit_amount=str(settings.budget_daily_usd),
            limit_unit="USD",
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    notification_type="ACTUAL",
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=[settings.alarm_email],
                )
                for percent in THRESHOLDS_PERCENT
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
