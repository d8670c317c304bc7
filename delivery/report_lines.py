"""A report on a terminal, or in a job's log: all of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from common.console import Grid
from common.text import lines
from delivery import cost
from delivery.preview_steps import ABSENT, UNKNOWN_VALUE
from infra.contract import names, prices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from delivery.preview_steps import Absent, Change
    from delivery.report import Money, Report

SHOWN = 3
"""How many of the resources that hang on one are named."""
NOT_KNOWN = "update or replacement: not known"
LATER = "(known after the update)"


def of(report: Report) -> Iterator[str | Grid]:
    """Every resource that changes, what that means and costs; the sum of it last, where a reader's eye is."""
    changed = report.plan.changed
    if changed:
        rows = [
            (each.action, each.type, each.name, each.because if each.destroys else "", hanging(each.hangs_on))
            for each in changed
        ]
        yield Grid(("action", "type", "name", "forced by", "hangs on it"), rows, optional=("hangs on it",))
        for each in changed:
            if each.action == "create" or not each.changes:
                continue
            yield f"{each.label}:"
            yield from (f"  {text_of(change, is_unknown=change.path in each.unknown)}" for change in each.changes)
    for shared in report.plan.shared:
        yield f"the same on {len(shared.resources)} resources: {text_of(shared.change, is_unknown=shared.is_unknown)}"
        yield f"  {', '.join(shared.resources)}"
    yield from (f"{noun}: {means}" for noun, means in report.meanings)
    yield from (f"warning: {line}" for said in report.warnings for line in lines(said))
    yield from (f"{names.NOTE}{line}" for said in report.notes for line in lines(said))
    if report.failure is not None:
        yield from lines(report.failure)
    if report.money and (report.money.changed or report.money.before != report.money.after):
        yield from money(report.money)
    yield from report.foot
    yield from map(str, report.remarks)
    if report.failure is None or report.plan.changed:
        outcome = "" if report.failure is None else "the preview failed; until then: "
        yield f"{report.project}/{report.stack}: {outcome}{report.line}"


def money(found: Money) -> Iterator[str | Grid]:
    """What a stack costs before and after."""
    if found.changed:
        yield Grid(("resource", "before", "after", "US dollars an hour, of"), found.changed)
    yield Grid(("cost", "before", "after"), found.rows)
    yield f"not counted: {cost.NOT_COUNTED}"


def of_stack(stack: str, region: str, found: Money) -> Iterator[str | Grid]:
    """What a stack costs, each resource; the sum of it last."""
    rows = [
        (each.label, "unknown" if each.hour is None else f"{each.hour:.4f}", each.basis) for each in found.after.costs
    ]
    yield Grid(("resource", "US dollars an hour", "of"), rows)
    yield Grid(("cost", "US dollars"), [(what, after) for what, _, after in found.rows])
    yield f"not counted: {cost.NOT_COUNTED}"
    table = prices.REGIONS.get(region)
    tables = (table.services, table.on_demand, table.spot) if table else ()
    yield from dict.fromkeys(f"prices: {each.source}, {each.read}" for each in tables)
    yield f"{stack}: {found.line}"


def hanging(labels: tuple[str, ...]) -> str:
    """The first of what hangs on a resource, and how many more there are."""
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return ", ".join(labels[:SHOWN]) + more


def text_of(change: Change, *, is_unknown: bool) -> str:
    """`path: old → new`."""
    if change.old is ABSENT and change.new is ABSENT:
        return f"{change.path}: not among the inputs"
    old, new = (value_of(value) for value in (change.old, change.new))
    suffix = f" ({NOT_KNOWN})" if is_unknown else " (forces the replacement)" if change.forces else ""
    return f"{change.path}: {old} → {new}{suffix}"


def value_of(value: JsonValue | Absent) -> str:
    """A value as JSON; of a value that is known only later, that it is."""
    if value is ABSENT:
        return "none"
    return json.dumps(value, ensure_ascii=False, default=str).replace(f'"{UNKNOWN_VALUE}"', LATER)
