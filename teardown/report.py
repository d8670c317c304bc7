"""What a command came to: lines for a person, JSON for machines, Markdown for a job's summary, data for the issue.

Three tables are told apart: what was or would be deleted, in its order; what is left; and what stays in the VPC and
blocks it, because nothing says that it is the cluster's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from common import summary, world
from common.console import Grid, Line, Sign, StepResult, of_steps
from common.errors import INTERRUPTED
from common.text import LINE, clean, markdown, to_json
from infra.contract.controller_tags import CONTROLLER, CSI
from teardown import kinds
from teardown.claim import Claim
from teardown.kinds.logs import LOG_GROUP
from teardown.kinds.network import GROUP
from teardown.reader import FLEET
from teardown.verify import monthly, resources

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from teardown.kinds.base import Kind, Leftover
    from teardown.reader import Reader

HOURS_A_DAY = 24
HEAD = ("resource", "id", "name", "made by", "age", "cost", "note")
OPTIONAL = ("age", "made by", "name", "note")
"""The columns that a narrow terminal does without: what goes by hand, the commands and `--json` have in full."""
CELL = 100
"""The longest cell, in characters; an id is whole, but for account and region of an ARN."""

OUTPUT_BYTES = 60_000
"""A job's output reaches the issue's job as one variable of the environment, of at most 128 KiB on Linux."""

WHY = {Claim.NOBODYS: "no ownership tag", Claim.SHARED: "tagged as shared", Claim.OTHERS: "another cluster's"}
"""Why what is in the VPC is not deleted."""

IDS = ("AIDA", "AROA")
"""How the ids of IAM users and roles begin."""

ROWS = ("left", "swept", "stays", "kept", "blocking")
"""The lists of a report's rows."""

STAYS = {
    Claim.STACK: "the stack's own: `run --recover` deletes it where the state has lost it",
    Claim.UNPLACED: "the cluster's VPC is not known: --vpc names it",
}
"""Why what is the cluster's or the stack's is not deleted."""


@dataclass(frozen=True)
class Row:
    """A resource, for whoever reads."""

    kind: Kind
    id: str
    name: str
    by: str
    """Who made it, as far as its tags say."""
    age: str
    monthly: float | None
    note: str
    """What holds it, or what takes it away."""
    command: str
    """What a person removes it with; empty where a command of the teardown, or its owner, takes it along."""

    @property
    def cost(self) -> str:
        """US dollars a month."""
        return "unknown" if self.monthly is None else monthly([self.monthly])

    @property
    def cells(self) -> tuple[str, ...]:
        """What a table shows of it."""
        name = "" if self.name in self.id else self.name
        cells = (name, self.by, self.age, self.cost, self.note)
        identity = self.id.split(":", 5)[-1] if self.id.startswith("arn:") else self.id
        return (self.kind.name, clean(identity), *(clean(cell, CELL) for cell in cells))

    @property
    def document(self) -> dict[str, Any]:
        """For machines."""
        return {**vars(self), "kind": self.kind.name}


@dataclass(frozen=True)
class Report:
    """What was done, or would be."""

    title: str
    good: bool
    steps: Sequence[StepResult] = ()
    failure: str = ""
    is_dry: bool = False
    """Whether it says what would be done: that is no verdict."""
    interrupted: bool = False
    is_up: bool = False
    """Whether the stack's cluster is there, so that what was found is not left over."""
    plan: Sequence[Sequence[Row]] = ()
    """What would be deleted: step after step, a step's resources together."""
    stays: Sequence[Row] = ()
    """What a dry run leaves, and why."""
    left: Sequence[Row] = ()
    swept: Sequence[Row] = ()
    blocking: Sequence[Row] = ()
    """What stays in the VPC, because nothing says that it is the cluster's."""
    kept: Sequence[Row] = ()
    """What outlives the cluster on purpose."""
    unknown: Sequence[str] = ()
    in_state: Sequence[str] = ()
    recovered: Sequence[str] = ()
    """What was taken over from a killed run: its lock, with whose it was and since when; its pending operations."""
    notes: Sequence[str] = ()
    again: str = ""
    """The command of the teardown that takes away what is left, after `fleet teardown`."""

    @property
    def document(self) -> dict[str, Any]:
        """For machines."""
        rows = {name: [row.document for row in getattr(self, name)] for name in ROWS}
        steps = [{"name": step.name, "outcome": step.outcome, "seconds": step.seconds} for step in self.steps]
        lists = {name: list(getattr(self, name)) for name in ("unknown", "in_state", "recovered", "notes")}
        plan = [[row.document for row in step] for step in self.plan]
        told = {"title": self.title, "good": self.good, "failure": self.failure, "again": self.again, "plan": plan}
        return {**told, "steps": steps, **rows, **lists, "by_hand": self.by_hand}

    @property
    def exit_code(self) -> int:
        """0 good, 1 something is left or failed, 2 what was only looked at could not all be seen, 130 after Ctrl-C."""
        if self.good or self.interrupted:
            return 0 if self.good else INTERRUPTED
        is_blind = self.unknown and not (self.left or self.in_state or self.steps or self.failure)
        return 2 if is_blind else 1

    @property
    def output(self) -> str:
        """For the issue: the same without what is not asked there, cut by whole rows to what a job may hand on."""
        told: dict[str, Any] = {"title": self.title, "failure": self.failure, "again": self.again}
        told |= {"left_count": len(self.left), "in_state_count": len(self.in_state)}
        lists: dict[str, list[Any]] = {name: list(getattr(self, name)) for name in ("unknown", "recovered", "by_hand")}
        lists |= {name: [row.cells for row in getattr(self, name)] for name in ("left", "blocking")}
        rows = 40
        while True:
            text = to_json({**told, **{name: found[:rows] for name, found in lists.items()}}, indent=None)
            if rows == 0 or len(text.encode()) <= OUTPUT_BYTES:
                return text
            rows //= 2

    @property
    def verdict(self) -> Line:
        """The last line: what it came to."""
        return Line(Sign.SKIPPED if self.is_dry else Sign.of(self.good), self.title)

    @property
    def obstacle(self) -> str:
        """Why the VPC cannot be deleted, if that is somebody else's."""
        if not self.blocking:
            return ""
        row = self.blocking[0]
        return (
            f"resources of others block the VPC: {len(self.blocking)}, such as {row.kind.name} {row.id} ({row.by}). "
            "Until they are gone, pulumi destroy fails: ask their owners, or delete them"
        )

    @property
    def _in_state(self) -> str:
        still = "" if self.is_up else "still "
        return f"{len(self.in_state)} resources are {still}in the stack's state, also those that cost nothing"

    @property
    def by_hand(self) -> list[str]:
        """What only a person removes, in the order in which AWS lets it go."""
        place = kinds.places()
        return [row.command for row in sorted(self.left, key=lambda row: place[row.kind]) if row.command]

    def to_markdown(self, reader: Reader) -> str:
        """For a job's summary, with commands that work on its reader's machine."""
        lines = [f"## {Sign.of(self.good).value} {markdown(self.title, LINE)}", ""]
        lines += [markdown(self.failure, LINE), ""] if self.failure else []
        for title, grid in self._tables():
            lines += [f"### {title}", "", *summary.table(grid.head, grid.rows)]
        lines += [markdown(self.obstacle, LINE), ""] if self.obstacle else []
        lines += summary.bullets("Taken over from a killed run:", self.recovered, LINE)
        lines += summary.bullets("Unknown:", self.unknown, LINE)
        if self.in_state:
            lines += [f"{self._in_state}.", ""]
        kept = ["# what is kept on purpose:", *(row.command for row in self.kept)] if self.kept else []
        if commands := [*self._remedies(FLEET), *kept]:
            lines += ["### to remove it", "", *reader.block(commands)]
        lines += summary.bullets("Notes:", self.notes, LINE)
        steps = of_steps(self.steps)
        lines += summary.table(steps.head, steps.rows)
        return "\n".join(lines).rstrip() + "\n"

    def lines(self) -> list[str | Line | Grid]:
        """For a terminal, and for a log: what was found, what a person can do, how long each step took."""
        lines: list[str | Line | Grid] = []
        for title, grid in self._tables():
            lines += [title, grid]
        lines += [f"taken over: {line}" for line in self.recovered]
        lines += [*self.notes, *(f"unknown: {line}" for line in self.unknown)]
        if self.in_state:
            lines.append(self._in_state)
        for title, commands in (
            (f"to {'destroy it' if self.is_up else 'remove what is left'}:", self._remedies("fleet")),
            ("to remove what is kept:", [row.command for row in self.kept]),
        ):
            lines += [title, *(Line(Sign.NEXT, in_this_world(command)) for command in commands)] if commands else []
        lines += [Line(Sign.FAILED, self.obstacle)] if self.obstacle else []
        return [*lines, of_steps(self.steps)] if self.steps else lines

    def _tables(self) -> Iterator[tuple[str, Grid]]:
        """Titles of ours, each with its rows; a plan's have the number of the step in which they go together."""
        if doomed := [row for step in self.plan for row in step]:
            cells = [(str(number), *row.cells) for number, step in enumerate(self.plan, 1) for row in step]
            yield f"would delete, step by step: {_many(doomed)}", Grid(("step", *HEAD), cells, OPTIONAL)
        tables = (
            ("would stay", self.stays),
            ("in AWS" if self.is_up else "left", self.left),
            ("deleted", self.swept),
            ("kept on purpose", self.kept),
        )
        yield from ((f"{title}: {_many(rows)}", _grid(rows)) for title, rows in tables if rows)
        for why in dict.fromkeys(row.note for row in self.blocking):
            rows = [replace(row, note="") for row in self.blocking if row.note == why]
            yield f"not deleted: {why}; blocks the VPC: {_many(rows)}", _grid(rows)

    def _remedies(self, command: str) -> list[str]:
        """The command of the teardown first: what is done by hand is what it leaves."""
        return [*([f"{command} teardown {self.again}"] if self.again else []), *self.by_hand]


def row(leftover: Leftover, in_state: Collection[str] = (), *, failed: bool = False) -> Row:
    """Show a resource by itself.

    Args:
        leftover: the resource.
        in_state: what the stack's state lists.
        failed: whether the sweep could not delete it: then a person may.
    """
    note, command = leftover.kept_because or leftover.held or STAYS.get(leftover.claim, ""), ""
    if leftover.kept_because:
        command = leftover.kind.by_hand(leftover)
    elif leftover.id in in_state:
        note = leftover.held or "in the stack's state"
    elif not leftover.held and (failed or leftover.kind.delete is None or leftover.claim is Claim.UNPLACED):
        command = leftover.kind.by_hand(leftover)
    age = _age(leftover.created, datetime.now(UTC))
    return Row(leftover.kind, leftover.id, leftover.name, made_by(leftover), age, leftover.monthly, note, command)


def rows(left: Iterable[Leftover], in_state: Collection[str] = (), failed: Collection[str] = ()) -> list[Row]:
    """Show resources together.

    Args:
        left: the resources.
        in_state: what the stack's state lists.
        failed: the labels, with the kind before it, of what the sweep could not delete.
    """
    return [row(each, in_state, failed=each.title in failed) for each in left]


def blockers(strangers: Iterable[Leftover]) -> list[Row]:
    """Show what stays in the VPC: who made it as far as AWS tells, and why it is not deleted."""
    return [replace(row(each), note=WHY.get(each.claim, each.claim), command="") for each in strangers]


def elsewhere(found: Iterable[Leftover]) -> list[str]:
    """Name what carries the cluster's tags in another VPC, a line for each VPC."""
    by_vpc: dict[str, list[str]] = {}
    for each in found:
        by_vpc.setdefault(each.vpc_id or "no VPC", []).append(each.title)
    return [f"not touched, because in {vpc}: {len(titles)}: {', '.join(titles)}" for vpc, titles in by_vpc.items()]


def in_this_world(command: str) -> str:
    """A command for the shell that it is printed in: in the sandbox, one that reaches the embedded account."""
    if not world.in_sandbox():
        return command
    if command.startswith("fleet teardown "):
        return f"fleet sandbox teardown -- {command.removeprefix('fleet teardown ')}"
    return f"fleet sandbox exec -- {command}"


def made_by(leftover: Leftover) -> str:
    """Who made it, as far as AWS tells: its tags, or who asked for it."""
    tags = leftover.tags
    if CONTROLLER in tags:
        stack = next((tags[key] for key in tags if key.endswith("/stack")), "")
        return f"load balancer controller{f', for {stack}' if stack else ''}"
    if "kubernetes.io/service-name" in tags:
        return f"cloud controller manager, for {tags['kubernetes.io/service-name']}"
    if CSI in tags or any(key.startswith("ebs.csi.aws.com/") for key in tags):
        name = tags.get("kubernetes.io/created-for/pvc/name", "")
        return f"EBS CSI driver{f', for {name}' if name else ''}"
    if leftover.name.startswith("aws-K8S-") or "cluster.k8s.amazonaws.com/name" in tags:
        return "VPC CNI"
    if leftover.claim is Claim.STACK:
        return "the stack"
    if leftover.requester:
        return f"a person or role ({leftover.requester})" if leftover.requester[:4] in IDS else leftover.requester
    if leftover.claim is not Claim.OURS:
        return ", ".join(f"{key}={value}" for key, value in sorted(tags.items())[:3]) or "no tags"
    if any(key.startswith("karpenter.") for key in tags):
        return "Karpenter"
    is_eks = leftover.kind in (LOG_GROUP, GROUP) or "eks:cluster-name" in tags
    return "EKS" if is_eks else "a controller"


def _grid(shown: Sequence[Row]) -> Grid:
    return Grid(HEAD, [row.cells for row in shown], OPTIONAL)


def _many(shown: Sequence[Row]) -> str:
    return resources([row.monthly for row in shown])


def _age(created: datetime | None, now: datetime) -> str:
    if created is None:
        return "unknown"
    hours = int((now - created).total_seconds() // 3600)
    return f"{hours // HOURS_A_DAY} d" if hours >= 2 * HOURS_A_DAY else f"{hours} h"
