"""The row of CloudWatch Logs."""

from __future__ import annotations

from typing import Any

from .names import AutoName
from .property_checks import boolean
from .row import Property, Resource, Response, Row, Step, Tagging, joined
from .shape import Located

# CloudWatch Logs API reference, PutRetentionPolicy; pulumi-aws takes 0 for ever.
_YEARS = (365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
RETENTIONS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, *_YEARS)
"""Days."""


def _retention(days: Any) -> str:
    return "" if days in RETENTIONS else f"{days!r} is not allowed: one of {', '.join(map(str, RETENTIONS))}"


def _arn(r: Resource) -> str:
    return f"arn:aws:logs:{r.account.region}:{r.account.id}:log-group:{r.id}"


def _read_log_group(r: Resource) -> Response | None:
    """The first page has it: the names are sorted, and no other with this beginning comes before."""
    groups: list[Response] = r.call("DescribeLogGroups", logGroupNamePrefix=r.id)["logGroups"]
    found = next((group for group in groups if group["logGroupName"] == r.id), None)
    if found is None:
        return None
    tags = r.call("ListTagsForResource", resourceArn=_arn(r))["tags"]
    return {"retentionInDays": 0, **found, "arn": _arn(r), "Tags": tags}


def _retain(r: Resource) -> None:
    if r["retentionInDays"]:
        r.ask("PutRetentionPolicy", retentionInDays=r["retentionInDays"])
    elif r.old.get("retentionInDays"):
        r.ask("DeleteRetentionPolicy")


def _delete(r: Resource) -> None:
    if not r["skipDestroy"]:
        r.ask("DeleteLogGroup")


LOG_GROUP = Row(
    type="aws:cloudwatch/logGroup:LogGroup",
    service="logs",
    cloudformation="AWS::Logs::LogGroup",
    key=joined(" ", "name"),
    name=AutoName("name", 512),
    properties={
        "name": Property(member="logGroupName", replaces=True),
        "retentionInDays": Property(local=True, default=0, check=_retention),
        "logGroupClass": Property(computed=True, replaces=True),
        "skipDestroy": Property(local=True, hidden=True, default=False, check=boolean),
    },
    outputs={"arn": Property()},
    create="CreateLogGroup",
    read=_read_log_group,
    steps=(Step(("retentionInDays",), run=_retain, creates=True),),
    delete=_delete,
    tags=Tagging(
        create=lambda tags: {"tags": Located("tags", tags)},
        tag=lambda r, tags: r.call("TagResource", resourceArn=_arn(r), tags=tags),
        untag=lambda r, keys: r.call("UntagResource", resourceArn=_arn(r), tagKeys=keys),
    ),
    differs={"logGroupClass": "CloudFormation refuses another class; pulumi-aws makes another group"},
)

ROWS = (LOG_GROUP,)
