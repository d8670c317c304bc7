"""The one report of what a stack would become, for `preview` and `diff`: its facts, its line, its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from delivery import cost, plan
from delivery.preview_steps import ABSENT
from delivery.up_time import ALWAYS
from infra.contract import prices, versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from delivery.plan import IsKnown, Plan, Resource
    from delivery.preview import Preview
    from delivery.preview_steps import Change, State, Step
    from delivery.up_time import UpTime

CLUSTER = "aws:eks/cluster:Cluster"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
PROVIDER = "pulumi:providers:aws"


class Kind(Enum):
    """What a report rests on."""

    PREVIEW = "preview"
    """The state of a stack, by pulumi-aws."""
    DIFF = "diff"
    """The program and settings of another commit, in an embedded account."""


@dataclass(frozen=True)
class Remark:
    """A sentence on the comparison itself."""

    text: str
    """Ours."""
    detail: str = ""
    """What somebody else said."""

    def __str__(self) -> str:
        """Both."""
        return f"{self.text} {self.detail}" if self.detail else self.text


@dataclass(frozen=True)
class Money:
    """What the stack costs before and after, of what is known."""

    before: cost.Sum
    after: cost.Sum
    up: UpTime

    @property
    def line(self) -> str:
        """`0.23 → 0.31 $/h`, or one sum where both are the same."""
        texts = dict.fromkeys((self.before.text, self.after.text))
        return f"{' → '.join(texts)} $/h"

    @property
    def months(self) -> list[tuple[str, float]]:
        """Of what month, and its hours: that in which the stack is up at its hours, and a whole one."""
        whole = ("a month, always up", float(prices.HOURS_A_MONTH))
        return [whole] if self.up == ALWAYS else [(f"a month, up {self.up.text}", self.up.hours), whole]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Of what time, before, after: US dollars."""
        return [
            ("an hour", self.before.text, self.after.text),
            *(
                (f"{what} ({hours:.0f} h)", self.before.month(hours), self.after.month(hours))
                for what, hours in self.months
            ),
        ]

    @property
    def changed(self) -> list[tuple[str, str, str, str]]:
        """Each resource whose price changes or is unknown: its label, before, after, and what the price is of."""
        old, new = ({each.label: each for each in side.costs} for side in (self.before, self.after))
        labels = dict.fromkeys((*old, *new))
        return [
            (label, _dollars(old.get(label)), _dollars(new.get(label)), (new.get(label) or old[label]).basis)
            for label in labels
            if _dollars(old.get(label)) != _dollars(new.get(label)) or (new.get(label) or old[label]).hour is None
        ]

    @property
    def document(self) -> dict[str, object]:
        """For machines: US dollars; what is unknown is named, and null."""
        return {
            "currency": "USD",
            "hour": {"before": round(self.before.hour, 4), "after": round(self.after.hour, 4)},
            "months": [
                {
                    "of": what,
                    "hours": round(hours, 1),
                    "before": round(self.before.hour * hours, 2),
                    "after": round(self.after.hour * hours, 2),
                }
                for what, hours in self.months
            ],
            "unknown": [{"resource": each.label, "why": each.basis} for each in self.after.unknown],
            "resources": [
                {"resource": each.label, "hour": each.hour, "basis": each.basis} for each in self.after.costs
            ],
            "notCounted": cost.NOT_COUNTED,
        }


@dataclass(frozen=True)
class Report:
    """What a stack would become."""

    kind: Kind
    project: str
    stack: str
    code: int
    """The exit code of the preview."""
    plan: Plan
    failure: str | None = None
    subject: str = ""
    """What was previewed: a commit, or the working tree."""
    money: Money | None = None
    kubernetes: str = ""
    """The version of the cluster, and until when it is supported."""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the program says to reviewers."""
    remarks: tuple[Remark, ...] = ()
    """What has to be known of the comparison itself, the most important first."""
    foot: tuple[str, ...] = ()
    """What was compared."""
    verdict: str = ""
    """What is said instead of the changes, where there was no preview."""

    @property
    def line(self) -> str:
        """What changes, how dangerous, what it costs."""
        return " · ".join(
            filter(None, (self.verdict or self.plan.line, self.money and self.money.line, self.kubernetes))
        )

    @property
    def meanings(self) -> tuple[tuple[str, str], ...]:
        """What the changes mean, each once: the kind of resource, and the sentences."""
        found = ((each.meaning.noun, each.means) for each in self.plan.changed if each.meaning and each.means)
        return tuple(dict.fromkeys(found))

    @property
    def document(self) -> dict[str, object]:
        """For machines."""
        return {
            "kind": self.kind.value,
            "project": self.project,
            "stack": self.stack,
            "subject": self.subject,
            "code": self.code,
            "line": self.line,
            "counts": {**self.plan.counts, "same": self.plan.unchanged},
            "changes": [_resource(each) for each in self.plan.changed],
            "shared": [
                {**_change(each.change, is_unknown=each.is_unknown), "resources": list(each.resources)}
                for each in self.plan.shared
            ],
            "cost": self.money.document if self.money else None,
            "kubernetes": self.kubernetes,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "remarks": [str(remark) for remark in self.remarks],
            "compared": list(self.foot),
            "failure": self.failure,
        }


def of(
    kind: Kind,
    done: Preview,
    up: UpTime,
    today: date,
    *,
    subject: str = "",
    is_known: IsKnown = lambda _type, _path: True,
    remarks: Sequence[Remark] = (),
    foot: Sequence[str] = (),
) -> Report:
    """The report of a preview.

    Args:
        kind: what it rests on.
        done: the preview.
        up: when the stack is up.
        today: on which day.
        subject: what was previewed.
        is_known: whether a source says how a property changes.
        remarks: what has to be known of the comparison.
        foot: what was compared.
    """
    steps = plan.merged(done.digest.steps or ())
    return Report(
        kind,
        done.project,
        done.stack,
        done.code,
        plan.of(done.digest, is_known),
        done.failure,
        subject,
        None if done.failure is not None else _money(steps, up, today),
        "" if done.failure is not None else _kubernetes(steps),
        tuple(done.digest.said("warning")),
        tuple(done.digest.notes),
        tuple(remarks),
        tuple(foot),
    )


def _money(steps: Sequence[Step], up: UpTime, today: date) -> Money | None:
    """None where the region is not known: then nothing is."""
    providers = [step for step in steps if step.type == PROVIDER]
    old, new = (
        next((state.inputs["region"] for state in states if state and state.inputs and "region" in state.inputs), None)
        for states in ([step.old_state for step in providers], [step.new_state for step in providers])
    )
    region = new or old
    if not isinstance(region, str):
        return None
    before = cost.total(_priced([(step, step.old_state) for step in steps]), str(old or region), today)
    there = [(step, step.new_state) for step in steps if step.op != "delete"]
    return Money(before, cost.total(_priced(there), region, today), up)


def _priced(steps: Sequence[tuple[Step, State | None]]) -> Iterator[cost.Priced]:
    there = [(step, state) for step, state in steps if state and step.is_resource]
    templates = {step.urn: state for step, state in there if step.type == LAUNCH_TEMPLATE}
    by_id = {state.id: state for state in templates.values() if state.id}
    for step, state in there:
        inputs = state.inputs or {}
        named = inputs.get("launchTemplate")
        urns = (state.property_dependencies or {}).get("launchTemplate") or ()
        template = next((templates[urn] for urn in urns if urn in templates), None)
        if template is None and isinstance(named, dict):
            template = by_id.get(str(named.get("id")))
        yield cost.Priced(step.type, step.name, inputs, template and (template.inputs or {}))


def _kubernetes(steps: Sequence[Step]) -> str:
    """`Kubernetes 1.36 until 2 Aug 2027`."""
    states = (step.new_state for step in steps if step.type == CLUSTER and step.op != "delete")
    version = next((str(state.inputs.get("version")) for state in states if state and state.inputs), "")
    known = versions.KUBERNETES.get(version)
    if not known:
        return "a version of Kubernetes whose end of support is unknown" if version else ""
    until = known.standard_support_until
    return f"Kubernetes {version} until {until.day} {until:%b %Y}"


def _dollars(found: cost.Cost | None) -> str:
    if found is None:
        return "–"  # noqa: RUF001  # a dash
    return "unknown" if found.hour is None else f"{found.hour:.4f}"


def _resource(each: Resource) -> dict[str, object]:
    return {
        "action": each.action,
        "type": each.type,
        "name": each.name,
        "forcedBy": list(each.forced_by),
        "hangsOn": list(each.hangs_on),
        "means": each.means,
        "properties": [_change(change, is_unknown=change.path in each.unknown) for change in each.changes],
    }


def _change(change: Change, *, is_unknown: bool) -> dict[str, object]:
    sides = {key: value for key, value in (("old", change.old), ("new", change.new)) if value is not ABSENT}
    return {"path": change.path, **sides, "forces": None if is_unknown else change.forces}
