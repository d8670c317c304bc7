"""What the day on a real account told: what differs, what was refused, how long it took, what was left.

One document, without a secret or an account id, for the terminal, for machines and for the file of a bug report.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from common.console import Grid, Line, Sign, rendered
from infra.contract import names, versions
from sandbox import files
from sandbox.acceptance import denied_calls, durations, engine_events, states
from sandbox.acceptance.day import Step
from sandbox.acceptance.denied_calls import Denied
from sandbox.acceptance.engine_events import Timed
from sandbox.acceptance.states import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sandbox.acceptance.day import Day
    from sandbox.acceptance.plan import Plan
    from sandbox.acceptance.redaction import Redaction

SHOWN = 4
"""How many resources of a difference are named; `--json` has all."""

OPERATIONS = ("create", "delete")

ROLES = (names.DEPLOY_ROLE, names.PREVIEW_ROLE)
NOT_MEASURED = "not known: it could not be assumed, so its part ran with the permissions of whoever ran it"


@dataclass(frozen=True)
class Refused:
    """A call that a role lacked, and where its permission belongs."""

    role: str
    call: Denied
    belongs_to: str


@dataclass(frozen=True)
class Report:
    """What differs on the real account."""

    about: Mapping[str, str]
    steps: tuple[Step, ...]
    comparison: Comparison | None
    """None: there was no state to compare."""
    not_built: Mapping[str, str]
    """What only the embedded account has, and why it is not on the real one."""
    refused: tuple[Refused, ...]
    roles: tuple[str, ...]
    """Those that were assumed: of others it is not known what they lack."""
    timed: tuple[Timed, ...]
    left: tuple[tuple[str, str], ...] | None
    unknown: tuple[str, ...] = ()

    @property
    def slower(self) -> tuple[Timed, ...]:
        """What took longer than the table has it."""
        return tuple(each for each in self.timed if durations.is_slower(each.label, each.operation, each.seconds))

    @property
    def deviations(self) -> Mapping[str, int]:
        """How many of each kind."""
        found = self.comparison
        failed = sum(step.outcome == "failed" for step in self.steps)
        return {
            "properties that differ": len(found.differences) if found else 0,
            "resources that only one account has": len(self.not_built) + (len(found.added) if found else 0),
            "refused calls": len(self.refused),
            "slower resources": len(self.slower),
            "resources left": len(self.left or ()),
            "steps that failed": failed,
            "questions without an answer": len(self.unknown) + (self.left is None) + (found is None),
        }

    @property
    def is_same(self) -> bool:
        """Whether nothing differs, and nothing is unknown."""
        return not any(self.deviations.values())

    @property
    def verdict(self) -> str:
        """The last line."""
        counted = [f"{what}: {count}" for what, count in self.deviations.items() if count]
        return ", ".join(counted) or "the real account is as the embedded one has it: no deviation"

    @property
    def document(self) -> dict[str, Any]:
        """For machines."""
        found = self.comparison
        return {
            "about": dict(self.about),
            "verdict": self.verdict,
            "same": self.is_same,
            "steps": [asdict(step) for step in self.steps],
            "differences": [asdict(each) for each in found.differences] if found else None,
            "notBuilt": [{"resource": label, "why": why} for label, why in self.not_built.items()],
            "added": list(found.added) if found else [],
            "refused": [
                {"role": each.role, **asdict(each.call), "belongsTo": each.belongs_to} for each in self.refused
            ],
            "roles": list(self.roles),
            "durations": [
                {**asdict(each), "table": durations.expected(each.label, each.operation), "slower": each in self.slower}
                for each in self.timed
            ],
            "left": None if self.left is None else [{"kind": kind, "id": key} for kind, key in self.left],
            "unknown": list(self.unknown),
        }


def of(plan: Plan, day: Day, reference: str) -> Report:
    """Judge a day.

    Args:
        plan: what was built.
        day: what it came to.
        reference: the state of the embedded account, as pulumi exports it.

    Raises:
        UnknownError: a state cannot be read.
    """
    documents = denied_calls.documents(plan.layer)
    refused = tuple(
        Refused(role, each, denied_calls.belongs_to(each.action, documents[role]))
        for role in ROLES
        for each in denied_calls.find(text for whose, text in day.texts if whose == role)
    )
    found = states.compare(states.read(reference), states.read(day.state)) if day.state else None
    failed = {engine_events.label(urn): message for urn, message in day.up.errors if urn}
    not_built = {label: failed.get(label, "waits for what was not built") for label in found.missing} if found else {}
    about = {
        "infra-fleet": version("infra-fleet"),
        "pulumi": versions.PULUMI,
        "pulumi-aws": version("pulumi-aws"),
        "Kubernetes": plan.settings.kubernetes_version,
        "account": plan.settings.account_id,
        "region": plan.settings.region,
        "stack": plan.stack,
        "roles": ", ".join(sorted(day.roles)) or "none was assumed",
    }
    timed = tuple(sorted((*day.up.timed, *day.night), key=lambda each: (each.operation, -each.seconds, each.label)))
    return Report(
        about,
        tuple(day.steps),
        found,
        not_built,
        refused,
        tuple(sorted(day.roles)),
        timed,
        day.left,
        tuple(day.unknown),
    )


def redacted(report: Report, redaction: Redaction) -> Report:
    """The same report without a secret or an account id.

    Raises:
        FleetError: one would still be in it.
    """
    text = redaction.text
    found = report.comparison
    clean_comparison = found and Comparison(
        tuple(
            states.Difference(
                text(each.path), text(each.embedded), text(each.real), tuple(map(text, each.resources)), each.is_input
            )
            for each in found.differences
        ),
        tuple(map(text, found.missing)),
        tuple(map(text, found.added)),
    )
    made = Report(
        {key: text(value) for key, value in report.about.items()},
        tuple(Step(step.name, step.outcome, step.seconds, text(step.why)) for step in report.steps),
        clean_comparison,
        {text(label): text(why) for label, why in report.not_built.items()},
        tuple(
            Refused(each.role, Denied(each.call.action, text(each.call.resource)), text(each.belongs_to))
            for each in report.refused
        ),
        report.roles,
        tuple(Timed(text(each.label), each.operation, each.seconds) for each in report.timed),
        None if report.left is None else tuple((kind, text(key)) for kind, key in report.left),
        tuple(map(text, report.unknown)),
    )
    redaction.prove(json.dumps(made.document, ensure_ascii=False))
    return made


def lines(report: Report) -> Iterator[object]:
    """For a person, and for the file."""
    yield Grid(("about", ""), list(report.about.items()))
    steps = [(step.name, step.outcome, f"{step.seconds:.0f}", step.why) for step in report.steps]
    yield Grid(("step", "outcome", "seconds", "why"), steps)
    yield from _differences(report)
    yield from _section(
        "calls that a role lacked",
        Grid(
            ("role", "action", "resource", "policy"),
            [(each.role, each.call.action, each.call.resource, each.belongs_to) for each in report.refused],
        ),
    )
    yield from (f"calls that {role} lacked: {NOT_MEASURED}" for role in ROLES if role not in report.roles)
    yield from _section("slower than the table", _durations(report.slower))
    yield from _section("durations", _durations(report.timed))
    yield from _section(
        "left after the night",
        Grid(("kind", "id"), report.left or []),
        "not known: the night did not verify" if report.left is None else "",
    )
    yield from (f"unknown: {each}" for each in report.unknown)
    yield Line(Sign.of(report.is_same), report.verdict)


def _differences(report: Report) -> Iterator[object]:
    head = ("property", "embedded", "real", "on")
    found = report.comparison
    if found is None:
        yield "properties that differ: not known: the real account's state could not be read"
        return
    yield from _section(
        "properties that differ, which a program may set", Grid(head, states.texts(found.behaviour, SHOWN))
    )
    yield from _section("properties that differ, which AWS alone sets", Grid(head, states.texts(found.computed, SHOWN)))
    yield from _section("not built", Grid(("resource", "why"), list(report.not_built.items())))
    yield from _section("on the real account alone", Grid(("resource",), [(label,) for label in found.added]))


def _durations(timed: Sequence[Timed]) -> Grid:
    """A row a resource: the seconds to create and to delete it, each next to the table's; the slowest first."""
    by_label: dict[str, dict[str, Timed]] = {}
    for each in timed:
        by_label.setdefault(each.label, {})[each.operation] = each
    order = sorted(by_label, key=lambda label: (-max(each.seconds for each in by_label[label].values()), label))
    head = ("resource", "create", "in the table", "delete", "in the table")
    return Grid(
        head, [(label, *(cell for name in OPERATIONS for cell in _cells(by_label[label], name))) for label in order]
    )


def _cells(timed: Mapping[str, Timed], operation: str) -> tuple[str, str]:
    found = timed.get(operation)
    return (f"{found.seconds:.0f}", f"{durations.expected(found.label, operation):.0f}") if found else ("", "")


def _section(title: str, grid: Grid, otherwise: str = "") -> Iterator[object]:
    if grid.rows:
        yield f"{title}: {len(grid.rows)}"
        yield grid
    else:
        yield f"{title}: {otherwise or 'none'}"


def write(path: Path, report: Report, redaction: Redaction) -> None:
    """Write the file as a whole: the report as it is printed where nobody looks.

    Raises:
        FleetError: a secret or an account id would be in it.
    """
    text = rendered(*lines(report))
    redaction.prove(text)
    files.write(path, text)
