"""What a night came to: a table for a person, JSON for machines, Markdown for a job's summary."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teardown import kinds
from teardown.claim import CONTROLLER, CSI

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bootstrap.progress import StepResult
    from teardown.kinds.base import Leftover

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
HOURS_A_DAY = 24
KEPT = "kept on purpose"


@dataclass(frozen=True)
class Row:
    """A leftover, for whoever reads."""

    kind: str
    id: str
    name: str
    by: str
    """Who made it, as far as its tags say."""
    age: str
    monthly: float | None
    note: str
    command: str

    @property
    def cells(self) -> tuple[str, ...]:
        """What a line shows of it."""
        label = f"{self.id} ({self.name})" if self.name and self.name not in self.id else self.id
        return (self.kind, label, self.by, self.age, f"{self.cost} $ a month", self.note)

    @property
    def markdown(self) -> str:
        """A row of a table."""
        return f"| {self.kind} `{self.id}` | {self.name} | {self.by} | {self.age} | {self.cost} | {self.note} |"

    @property
    def cost(self) -> str:
        """US dollars a month."""
        return "?" if self.monthly is None else f"{self.monthly:.2f}"


@dataclass(frozen=True)
class Report:
    """What was done, or would be."""

    title: str
    good: bool
    steps: Sequence[StepResult] = ()
    failure: str = ""
    left: Sequence[Row] = ()
    swept: Sequence[Row] = ()
    kept: Sequence[Row] = ()
    """What outlives the cluster on purpose."""
    unknown: Sequence[str] = ()
    in_state: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple[str, ...])

    def to_json(self) -> str:
        """For machines."""
        rows: dict[str, Any] = {name: [vars(row) for row in getattr(self, name)] for name in ("left", "swept", "kept")}
        steps = [{"name": each.name, "outcome": each.outcome, "seconds": each.seconds} for each in self.steps]
        more: dict[str, Any] = {"unknown": self.unknown, "in_state": self.in_state, "notes": self.notes}
        told: dict[str, Any] = {"title": self.title, "good": self.good, "failure": self.failure, "steps": steps}
        return json.dumps({**told, **rows, **{key: list(value) for key, value in more.items()}}, indent=2)

    def to_markdown(self) -> str:
        """For a job's summary."""
        lines = [f"## {'✅' if self.good else '❌'} {self.title}", ""]
        lines += [f"**{self.failure}**", ""] if self.failure else []
        lines += [f"- {note}" for note in self.notes] + [""] if self.notes else []
        if self.unknown:
            lines += ["Unknown, which is not none:", "", *(f"- {each}" for each in self.unknown), ""]
        if self.in_state:
            lines += [f"The stack's state still lists {len(self.in_state)} things.", ""]
        for title, rows in (("left", self.left), ("deleted", self.swept), (KEPT, self.kept)):
            if rows:
                lines += [f"| {title} | name | made by | age | $ a month | |", "|---|---|---|---|---|---|"]
                lines += [
                    f"| {row.kind} `{row.id}` | {row.name} | {row.by} | {row.age} | {row.cost} | {row.note} |"
                    for row in rows
                ] + [""]
        lines += [f"- to remove it: `{row.command}`" for row in self.kept] + [""] if self.kept else []
        if self.steps:
            lines += ["| step | outcome | seconds |", "|---|---|---|"]
            lines += [f"| {step.title} | {step.outcome} | {step.seconds:.1f} |" for step in self.steps] + [""]
        return "\n".join(lines).rstrip() + "\n"

    def lines(self) -> list[str]:
        """For a terminal, and for a log."""
        lines: list[str] = []
        for title, rows in (("left", self.left), ("deleted", self.swept), (KEPT, self.kept)):
            if rows:
                lines.append(f"{title}: {len(rows)}, {sum(row.monthly or 0.0 for row in rows):.2f} $ a month")
                lines += aligned([row.cells for row in rows])
        lines += [f"by hand: {row.command}" for row in self.left if not row.command.startswith("pulumi")]
        lines += [f"to remove it: {row.command}" for row in self.kept]
        lines += [*self.notes, *(f"unknown: {each}" for each in self.unknown)]
        if self.in_state:
            lines.append(f"the stack's state still lists {len(self.in_state)} names: pulumi destroy")
        return lines + [f"  {step.seconds:6.1f} s  {step.outcome:11} {step.title}" for step in self.steps]


def row(each: Leftover, in_state: Collection[str] = ()) -> Row:
    """A leftover as it is shown. What the stack's state lists, pulumi must take away; what it lost, a person."""
    command = "pulumi destroy" if each.id in in_state else kinds.BY_NAME[each.kind].by_hand(each)
    age = _age(each.created, datetime.now(UTC))
    return Row(each.kind, each.id, each.name, made_by(each), age, each.monthly, each.kept_because or each.held, command)


def made_by(each: Leftover) -> str:
    """Who made it, as far as its tags say."""
    tags = each.tags
    if CONTROLLER in tags:
        stack = next((tags[key] for key in tags if key.endswith("/stack")), "")
        return f"load balancer controller{f', for {stack}' if stack else ''}"
    if "kubernetes.io/service-name" in tags:
        return f"cloud controller manager, for {tags['kubernetes.io/service-name']}"
    if CSI in tags or any(key.startswith("ebs.csi.aws.com/") for key in tags):
        name = tags.get("kubernetes.io/created-for/pvc/name", "")
        return f"EBS CSI driver{f', for {name}' if name else ''}"
    if each.name.startswith("aws-K8S-") or "cluster.k8s.amazonaws.com/name" in tags:
        return "VPC CNI"
    return "EKS" if each.kind in ("log group", "security group") else "the stack"


def write_summary(report: Report) -> None:
    """Append to the job's summary, where there is one."""
    path = os.environ.get(SUMMARY_VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as summary:
            summary.write(report.to_markdown())


def _age(created: datetime | None, now: datetime) -> str:
    if created is None:
        return "?"
    hours = int((now - created).total_seconds() // 3600)
    return f"{hours // HOURS_A_DAY} d" if hours >= 2 * HOURS_A_DAY else f"{hours} h"


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lay rows out in columns, a line each."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
