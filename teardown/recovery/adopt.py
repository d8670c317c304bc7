"""What a killed run was making is put back into the stack's state ("adopted"), so that `pulumi destroy` deletes it.

An operation is cleared only after AWS was asked for what it made. The resource goes into the state as the operation has
it (inputs, parent, provider, dependencies), with the id that was found and **without outputs**, and a refresh reads it.

Why without outputs: pulumi-aws' read is then an import by id, which is documented for each type ("Import"). With the
inputs as outputs it would be a refresh of a state that no pulumi-aws has written: without a schema version, so that the
upgrades of old states run over it, and without the `id` that the types of the Plugin Framework are read by. Sources:
pulumi-terraform-bridge, Read in pkg/tfbridge/provider.go (`isRefresh` is whether there are properties) and
ReadWithContext in pkg/pf/tfbridge/provider_read.go. The engine then takes the id that the read returns (pulumi 3.274,
RefreshStep.Apply in pkg/resource/deploy/step.go).

Not used: `refresh --import-pending-creates` (3.274.1 exits cleanly, drops the operation and imports nothing), `pulumi
import` (protects what it imports), `refresh --clear-pending-creates` (forgets).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from common.errors import FleetError, UnknownError
from teardown import capture, destroy
from teardown.recovery import deployment, export_file
from teardown.recovery.deployment import inputs_of, needs
from teardown.recovery.finders import FINDERS, Candidate, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from common.aws import Aws
    from common.target import Proven
    from teardown.recovery.deployment import Deployment, Entry, Operation
    from teardown.target import Target

LOOKS = 3
"""AWS's lists are eventually consistent, and a provider outlives its engine by some seconds."""

PAUSE = 10.0
"""Seconds between two looks."""

SETTLE = 1800.0
"""Seconds that AWS may take to end what it is at: a cluster takes 13 minutes, a node group four more to go."""

POLL = 0.5
"""Seconds at least between two looks at something that AWS is at."""

READING = frozenset({"reading", "importing"})
"""Operations on what was there before the stack: they make nothing."""


class Fate(StrEnum):
    """What becomes of a pending operation."""

    ADOPTED = "adopted"
    ABSENT = "nothing was made"
    AMBIGUOUS = "not adopted"
    LISTED = "in the state already"
    NOTHING = "made nothing"


@dataclass(frozen=True)
class Decision:
    """What becomes of one pending operation, and why."""

    operation: Operation
    fate: Fate
    id: str = ""
    """As pulumi-aws imports it, of what is adopted."""
    candidates: tuple[str, ...] = ()
    """The ids of what may be the operation's, where nobody can tell."""
    why: str = ""

    @property
    def line(self) -> str:
        """`Cluster cluster: adopted as staging`."""
        as_id = f" as {self.id}" if self.id else ""
        return f"{self.operation.label}: {self.fate}{as_id}{f' ({self.why})' if self.why else ''}"

    def entry(self) -> Entry:
        """The resource for the state. One that the operation knew the outputs of keeps them."""
        known = self.operation.resource.get("id") == self.id
        outputs = self.operation.resource.get("outputs") if known else None
        return {**self.operation.resource, "id": self.id, "outputs": outputs or {}}


@dataclass(frozen=True)
class Adoption:
    """What becomes of all that a killed run was at."""

    before: Deployment
    decisions: tuple[Decision, ...] = ()

    def of(self, fate: Fate) -> tuple[Decision, ...]:
        """The decisions of one kind."""
        return tuple(each for each in self.decisions if each.fate is fate)

    @property
    def after(self) -> Deployment:
        """The state to import."""
        return self.before.with_resources([each.entry() for each in self.of(Fate.ADOPTED)])

    @property
    def lines(self) -> tuple[str, ...]:
        """One a decision, for people."""
        return tuple(each.line for each in self.decisions)

    @property
    def changes_state(self) -> bool:
        """Whether there is something to import."""
        return bool(self.before.pending or self.of(Fate.ADOPTED))


@dataclass(frozen=True)
class Patience:
    """How long AWS is looked at."""

    looks: int = LOOKS
    """How many looks running must agree."""
    pause: float = PAUSE
    settle: float = SETTLE


def plan(
    aws: Aws,
    target: Target,
    before: Deployment,
    remembered: Iterable[Operation] = (),
    *,
    patience: Patience | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Adoption:
    """Decide what becomes of each pending operation. Reads AWS and changes nothing.

    Args:
        aws: the clients.
        target: the cluster.
        before: the exported state.
        remembered: operations that the state has lost, of a kept export.
        patience: how long AWS is looked at.
        tell: takes what is waited for.

    Raises:
        UnknownError: AWS does not say, or an operation does not: nothing may be cleared.
        FleetError: AWS is still at something when the patience ends.
    """
    operations = [*before.pending, *remembered]
    listed = {each["urn"] for each in before.resources}
    looked_for = [each for each in operations if _is_looked_for(each)]
    found = _settled(aws, target, looked_for, patience or Patience(), tell)
    ours = {
        each.urn: [candidate for candidate in found[each.urn] if not _is_taken(candidate, each, before.resources)]
        for each in looked_for
    }
    claims = [candidate.id for each in ours.values() for candidate in each if not candidate.foreign]
    known = listed | {each.urn for each in looked_for if len(ours[each.urn]) == 1}
    return Adoption(before, tuple(_decide(each, listed, known, ours.get(each.urn, []), claims) for each in operations))


def apply(proven: Proven, folder: Path, stack: str, adoption: Adoption, tell: Callable[[str], None]) -> None:
    """Import the state with what is adopted, and read it all. Can be killed and run again at any point.

    Raises:
        FleetError: pulumi fails, or pulumi-aws does not find what is adopted.
    """
    if adoption.changes_state:
        destroy.pulumi(proven, folder, stack, ("stack", "import"), tell, adoption.after.text())
    destroy.pulumi(proven, folder, stack, ("refresh", "--yes", "--skip-preview"), tell)


def recover(
    aws: Proven,
    target: Target,
    folder: Path,
    stack: str,
    kept: Path,
    *,
    patience: Patience | None = None,
    remove: Callable[[Collection[str]], None],
    tell: Callable[[str], None],
) -> Adoption | None:
    """Find and adopt what a killed run was making. None: no run was killed.

    Args:
        aws: the clients.
        target: the cluster.
        folder: of the Pulumi project.
        stack: the stack, whose lock is free.
        kept: where the export is kept.
        patience: how long AWS is looked at.
        remove: deletes what cannot be told apart, by the stack's exact tags in the stack's VPC.
        tell: takes a line for each step and decision.

    Raises:
        UnknownError: AWS or the backend does not say: nothing was changed.
        FleetError: pulumi fails; the same call goes on from there.
    """
    exported = capture.exported(folder, stack)
    if exported is None:
        return None
    before = deployment.parse(exported)
    remembered = export_file.remembered(kept, before)
    if not before.pending and not before.unread and not remembered:
        return None
    adoption = plan(aws, target, before, remembered, patience=patience, tell=tell)
    export_file.keep(kept, before)
    if unclear := adoption.of(Fate.AMBIGUOUS):
        for each in unclear:
            tell(f"{each.line}: deleted by the stack's tags")
        remove(frozenset(candidate for each in unclear for candidate in each.candidates))
        adoption = plan(aws, target, before, remembered, patience=patience, tell=tell)
    for line in adoption.lines:
        tell(line)
    if unclear := adoption.of(Fate.AMBIGUOUS):
        raise FleetError(f"{unclear[0].line}: nothing was cleared; see what it made, and run this again")
    if adoption.changes_state or before.unread:
        apply(aws, folder, stack, adoption, tell)
        _check(aws, target, adoption, deployment.parse(capture.exported(folder, stack) or "{}"))
    return adoption


def _check(aws: Aws, target: Target, adoption: Adoption, after: Deployment) -> None:
    """Refuse to go on without what a refresh has dropped although AWS has it.

    Raises:
        FleetError: pulumi-aws reads nothing by the id, or has not read it.
    """
    listed = {each["urn"] for each in after.resources}
    for each in adoption.of(Fate.ADOPTED):
        if each.operation.urn not in listed and _look(aws, target, each.operation):
            raise FleetError(
                f"{each.operation.label} is in AWS as {each.id}, and pulumi refresh dropped it: import it by hand"
            )
    for entry in after.unread:
        raise FleetError(f"{deployment.label(entry)} was put back and not read: run this again")


def _is_looked_for(operation: Operation) -> bool:
    return operation.is_of_aws and operation.type not in READING


def _look(aws: Aws, target: Target, operation: Operation) -> list[Candidate]:
    """What an operation may have made. Raises UnknownError: AWS does not say, or nobody knows how to look."""
    kind = operation.resource["type"]
    if kind not in FINDERS:
        raise UnknownError(f"{operation.label} was being made, and nobody knows how to find a {kind}: see by hand")
    wanted = Wanted(target.account_id, target.cluster, inputs_of(operation.resource))
    try:
        return list(FINDERS[kind].find(aws, wanted))
    except UnknownError as error:
        raise UnknownError(f"{operation.label}: {error}") from None


def _settled(
    aws: Aws, target: Target, operations: list[Operation], patience: Patience, tell: Callable[[str], None]
) -> Mapping[str, list[Candidate]]:
    """What was found, once AWS is at nothing of it any more and several looks running agree.

    Raises:
        UnknownError: AWS does not say.
        FleetError: AWS is at it for too long.
    """
    deadline = time.monotonic() + patience.settle
    told = ""
    last: dict[str, list[Candidate]] | None = None
    agreed = 0
    while operations and agreed < patience.looks:
        if last is not None:
            time.sleep(patience.pause if agreed else max(patience.pause, POLL))
        found = {each.urn: _look(aws, target, each) for each in operations}
        passing = [(each, found_one) for each in operations for found_one in found[each.urn] if found_one.passing]
        # What AWS is at is not settled, however often it looks the same.
        agreed = 0 if passing else agreed + 1 if found == last else 1
        last = found
        line = ", ".join(f"{each.label} is {found_one.status}" for each, found_one in passing)
        if line and time.monotonic() >= deadline:
            raise FleetError(f"{line}, after {patience.settle:.0f} s: run this again when AWS is done")
        if line not in ("", told):
            tell(f"waiting until AWS is done: {line}")
            told = line
    return last or {}


def _is_taken(candidate: Candidate, operation: Operation, resources: Iterable[Entry]) -> bool:
    """Whether the state lists what was found. What it lists as deleted, to be made again, is not."""
    kind = operation.resource["type"]
    others = [each for each in resources if each["type"] == kind and not each.get("pendingReplacement")]
    identity = FINDERS[kind].identity
    if identity:
        wanted = inputs_of(operation.resource)
        return any(all(inputs_of(each).get(name) == wanted[name] for name in identity) for each in others)
    return any(each.get("id") in {candidate.id, candidate.state_id} - {""} for each in others)


def _decide(
    operation: Operation, listed: set[str], known: set[str], found: list[Candidate], claims: list[str]
) -> Decision:
    """What becomes of one operation.

    Args:
        operation: the operation.
        listed: the URNs in the state.
        known: and those that are adopted.
        found: what AWS has of it, that the state does not list.
        claims: the ids of all that was found, once for each operation that may have made it.
    """
    if not operation.is_of_aws:
        return Decision(operation, Fate.NOTHING, why="it is the engine's alone")
    if operation.type in READING:
        return Decision(operation, Fate.NOTHING, why=f"{operation.type} takes what was there before")
    if operation.type != "creating" and operation.urn in listed:
        # An update or a deletion that was cut short: the resource stays listed until it is done.
        return Decision(operation, Fate.LISTED, why=f"{operation.type}: the refresh reads how far it came")
    ours = [each for each in found if not each.foreign]
    if not ours:
        others = f"{found[0].id} lacks the stack's tags: it is somebody else's" if found else ""
        return Decision(operation, Fate.ABSENT, why=others)
    ids = [each.id for each in ours]
    missing = [urn for urn in needs(operation.resource) if urn not in known]
    if len(ids) > 1 or claims.count(ids[0]) > 1:
        why = f"nobody can tell which it made: {', '.join(ids)}"
    elif missing:
        why = f"{ids[0]} needs {missing[0].rpartition('::')[2]}, which the state does not list"
    else:
        return Decision(operation, Fate.ADOPTED, ids[0])
    return Decision(operation, Fate.AMBIGUOUS, candidates=tuple(ids), why=why)
