"""CloudWatch Logs as AWS does it, where log groups meet moto's differences.

Source of the AWS side: CloudWatch Logs API reference, PutRetentionPolicy, CreateLogGroup and DescribeLogGroups.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import Any

from moto.logs import urls
from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogsBackend, logs_backends
from moto.logs.responses import LogsResponse

YEAR = (365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, *YEAR)
"""Days that log events can be kept."""

STANDARD = "STANDARD"


class Logs(LogsBackend):
    """The CloudWatch Logs of one account and region."""

    @property
    def _url_module(self) -> Any:
        return urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.classes: dict[str, str] = {}

    def put_retention_policy(self, log_group_name: str, retention_in_days: str) -> None:
        """One of the numbers of days that there are (moto takes any)."""
        days: Any = retention_in_days
        if days not in RETENTIONS:
            raise InvalidParameterException(
                constraint=f"Member must satisfy enum value set: {list(RETENTIONS)}",
                parameter="retentionInDays",
                value=days,
            )
        super().put_retention_policy(log_group_name, retention_in_days)

    def delete_log_group(self, log_group_name: str) -> None:
        """Its tags go with it (moto gives them to the next of that name)."""
        group = self.groups.get(log_group_name)
        super().delete_log_group(log_group_name)
        if group:
            self.tagger.delete_all_tags_for_resource(group.arn)


class Response(LogsResponse):
    """The HTTP side, for a log group's class, which moto leaves out."""

    @property
    def logs_backend(self) -> Any:
        """CloudWatch Logs of the account and region that the call is for."""
        return logs_backends[self.current_account][self.region]

    def create_log_group(self) -> str:
        """Of the class that the request names, or the standard one."""
        answer = super().create_log_group()
        self.logs_backend.classes[self._get_param("logGroupName")] = self._get_param("logGroupClass", STANDARD)
        return answer

    def describe_log_groups(self) -> str:
        """Each with its class."""
        answer = json.loads(super().describe_log_groups())
        for group in answer["logGroups"]:
            group["logGroupClass"] = self.logs_backend.classes.get(group["logGroupName"], STANDARD)
        return json.dumps(answer)


def install() -> None:
    """Make moto build `Logs` wherever it builds a backend of Logs, and send all requests to `Response`."""
    logs_backends.backend = Logs
    paths: Any = urls.url_paths
    paths["{0}/$"] = Response.dispatch
