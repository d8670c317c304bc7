"""HEAD previewed against BASE: the true steps of each stack and of the permanent layer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import CannotRunError, FleetError
from delivery import preview, report, scope, up_time
from delivery.plan import Plan
from delivery.report import Kind, Remark, Report
from infra.config import file_name
from infra.contract import names
from infra.contract.names import PERMANENT_PROJECT, PERMANENT_STACK
from sandbox import rehearsal
from sandbox.checkout import Checkout
from sandbox.diff import bases, environments, places, revisions
from sandbox.engine import project
from sandbox.folder import Folder
from sandbox.provider import sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from sandbox.diff.bases import Base
    from sandbox.diff.environments import Environment
    from sandbox.diff.revisions import Range
    from tools.build import Say

COMPARED = (
    "Compared: {line}, what their programs and settings ask for, in an embedded account. Drift is not seen: a real "
    "account may differ from BASE."
)
STOOD_IN = (
    "The engine is Pulumi's own; pulumi-aws is stood in for, by what AWS's resource schemas, the SDK and its "
    "documentation say of each property."
)
UNTOUCHED = Remark("No file that the programs are made from has changed: nothing was previewed.")
NEW = Remark("The stack is new: it is compared with nothing.")
GONE = Remark(
    "The file of this stack is gone. What is up keeps running and costs money, and no workflow destroys it: "
    "run `fleet teardown run` for it before the merge."
)
RENAMED = Remark(
    "The cluster gets another name: apply the permanent layer first, which has a log group and permissions for each "
    "name. The old cluster is destroyed, with everything in it."
)
BROKEN = "BASE cannot be built, so HEAD is compared with nothing:"
UNKNOWN = "not compared"
BROKEN_LAYER = "BASE's permanent layer cannot be built, so it is not compared:"
MOVED = "The account or region is another one: nothing of BASE is changed or destroyed, and everything is new there:"


@dataclass(frozen=True)
class Comparison:
    """What is compared, and how far it is prepared."""

    root: Path
    """The checkout."""
    store: Path
    """The folder of the embedded accounts."""
    found: Range
    head: Path
    """HEAD's files."""
    own: Environment
    """HEAD's packages."""
    today: date
    say: Say

    def report_of(self, done: preview.Preview, remarks: Sequence[Remark]) -> Report:
        """The report of a preview."""
        return report.of(
            Kind.DIFF,
            done,
            up_time.of(done.project, done.stack, self.head),
            self.today,
            subject=self.found.subject,
            is_known=sources.is_known,
            remarks=remarks,
            foot=self.foot,
        )

    def sentence(
        self, project_name: str, stack: str, *remarks: Remark, verdict: str = "", failure: str | None = None
    ) -> Report:
        """A report without a preview."""
        code = 0 if failure is None else 1
        return Report(
            Kind.DIFF,
            project_name,
            stack,
            code,
            Plan(),
            failure,
            self.found.subject,
            remarks=remarks,
            foot=self.foot,
            verdict=verdict,
        )

    @property
    def foot(self) -> tuple[str, ...]:
        """What was compared."""
        return COMPARED.format(line=self.found.line), STOOD_IN


def run(store: Path, root: Path, found: Range, stacks: Sequence[str], today: date, say: Say) -> list[Report]:
    """Compare the stacks and the permanent layer of a checkout.

    Args:
        store: the folder of the embedded accounts.
        root: the checkout.
        found: BASE and HEAD.
        stacks: those to compare; empty: all that BASE or HEAD has.
        today: on which day.
        say: told each step.

    Returns:
        The reports, the permanent layer's first.

    Raises:
        FleetError: git does not answer, there is no such stack, or a part of the sandbox is not there.
    """
    touched = scope.classify(revisions.changed(root, found))
    with ExitStack() as undo:
        head = undo.enter_context(revisions.files(root, found.head))
        own = environments.own(head if found.head is None else root)
        comparison = Comparison(root, store, found, head, own, today, say)
        there, now = revisions.stacks(root, found.base), scope.stacks(head)
        wanted = list(stacks) or sorted({*there, *now})
        for stack in wanted:
            if stack not in there and stack not in now:
                raise CannotRunError(f"neither BASE nor HEAD has {file_name(stack)}: --stack names one of their stacks")
        if not touched.infra:
            return [comparison.sentence(names.PROJECT, stack, UNTOUCHED) for stack in wanted]
        both = [each for each in wanted if each in there and each in now]
        base = bases.bring_up(store, root, found, head, own, both, say)
        with ThreadPoolExecutor(1) as pool:  # the layer next to the stacks, which take turns in one project
            layer = pool.submit(_layer, comparison, base) if touched.permanent else None
            reports = [_stack(comparison, base, stack, is_there=stack in now) for stack in wanted]
            return [*([layer.result()] if layer else []), *reports]


def _layer(comparison: Comparison, base: Base) -> Report:
    """The permanent layer of HEAD against BASE's."""
    if base.kept.layer:
        return comparison.sentence(
            PERMANENT_PROJECT, PERMANENT_STACK, Remark(BROKEN_LAYER, base.kept.layer), verdict=UNKNOWN
        )
    checkout, ground = Checkout(comparison.head), base.ground
    try:
        place = places.of_layer(comparison.head)
        if (place.account_id, place.region) != (ground.account.account_id, ground.account.region):
            where = Remark(MOVED, f"{place.account_id} in {place.region}")
            return comparison.sentence(PERMANENT_PROJECT, PERMANENT_STACK, where, verdict=UNKNOWN)
        folder, file = ground.folder.permanent, checkout.permanent_file
        project.write_project(
            folder, PERMANENT_STACK, file, source=checkout.permanent, keep=True, python=comparison.own.python
        )
        done = preview.run(folder, PERMANENT_STACK, (), _ignore, environment=ground.environment)
    except FleetError as error:
        return comparison.sentence(PERMANENT_PROJECT, PERMANENT_STACK, failure=str(error))
    return comparison.report_of(done, base.remarks)


def _stack(comparison: Comparison, base: Base, stack: str, *, is_there: bool) -> Report:
    """A stack of HEAD against BASE's."""
    if not is_there:
        return comparison.sentence(names.PROJECT, stack, GONE, verdict="its file is gone")
    comparison.say(f"previewing {stack}")
    try:
        place = places.of_stack(comparison.head, stack)
        account = base.ground.account
        if (place.account_id, place.region) != (account.account_id, account.region):
            return _elsewhere(comparison, stack, place)
        remarks = [*_remarks(comparison, base, stack, place), *base.remarks]
        return comparison.report_of(_previewed(comparison, base.ground, stack, place), remarks)
    except FleetError as error:
        return comparison.sentence(names.PROJECT, stack, failure=str(error))


def _remarks(comparison: Comparison, base: Base, stack: str, place: places.Place) -> list[Remark]:
    if stack not in base.kept.stacks:
        return [NEW]
    if why := base.kept.stacks[stack]:
        return [Remark(BROKEN, why)]
    text = revisions.text_of(comparison.root, comparison.found.base, file_name(stack))
    before = places.in_text(text or "", comparison.head / file_name(stack), stack)
    return [RENAMED] if before.cluster != place.cluster else []


def _previewed(comparison: Comparison, ground: rehearsal.Ground, stack: str, place: places.Place) -> preview.Preview:
    """HEAD's preview of a stack. Raises FleetError."""
    file, python = comparison.head / file_name(stack), comparison.own.python
    ready = rehearsal.enter(ground, Checkout(comparison.head), stack, file, place.people, python=python)
    return preview.run(ground.folder.project, stack, (), _ignore, environment=ready.environment)


def _elsewhere(comparison: Comparison, stack: str, place: places.Place) -> Report:
    """A stack in another account or region, previewed on HEAD's permanent layer there. Raises FleetError."""
    folder, layer = Folder(comparison.store / "elsewhere"), places.of_layer(comparison.head)
    if (layer.account_id, layer.region) != (place.account_id, place.region):
        raise CannotRunError(
            f"{file_name(stack)} names account {place.account_id} in {place.region}, but the permanent layer's file "
            f"names {layer.account_id} in {layer.region}: `fleet configure` writes both"
        )
    try:
        ground = bases.layer_of(folder, comparison.head, comparison.own, comparison.say)
        done = _previewed(comparison, ground, stack, place)
    finally:
        rehearsal.reset(folder)
    return comparison.report_of(done, [Remark(MOVED, f"{place.account_id} in {place.region}")])


def _ignore(_line: str) -> None:
    """What pulumi says meanwhile is in the preview too."""
