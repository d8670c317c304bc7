"""One teardown run: capture, drain, sweep, destroy, sweep again where AWS refuses, and verify."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from common.errors import FleetError
from common.target import prove
from teardown import capture, destroy, drain, lost_vpc, retained_volumes, sweep, verify
from teardown.lock_owner import HeldError, Here
from teardown.recovery import adopt, export_file
from teardown.time_budget import REPORT, WITHIN, Budget

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from common.aws import Aws
    from common.console import Progress
    from common.pulumi.exported_state import StackState
    from common.target import Proven
    from teardown.drain import Deadlines, Drained
    from teardown.kinds.base import Leftover
    from teardown.sweep import Outcome
    from teardown.target import Target
    from teardown.verify import Verdict

AGAIN = 2
"""How often a destroy that AWS refuses is tried again after a sweep."""


@dataclass(frozen=True)
class Options:
    """What a person chooses."""

    folder: Path
    """Of the Pulumi project."""
    stack: str
    file: Path
    """Where the target is captured."""
    vpc: str = ""
    """Where neither state nor captured file knows it."""
    force: bool = False
    """Go on after a drain that failed."""
    recover: bool = False
    """Take away what a killed run has left: its lock, its pending operations."""
    take_lock: bool = False
    """Take any lock: a person has asked its holder."""
    here: Here = field(default_factory=Here)
    deadlines: Deadlines = field(default_factory=lambda: drain.Deadlines())
    recover_deadline: float = adopt.SETTLE
    """Seconds that AWS may take to end what a killed run began."""
    patience: float = sweep.PATIENCE
    """Seconds that one deletion may wait for what holds it."""
    within: float = WITHIN
    """Seconds that the whole run may take."""
    reads: int = verify.READS
    pause: float = verify.PAUSE
    timings: Path | None = None
    """Where pulumi writes its events."""


@dataclass
class Night:
    """What a run came to."""

    target: Target
    drained: Drained | None = None
    swept: list[Leftover] = field(default_factory=list["Leftover"])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """What the last sweep could not delete."""
    verdict: Verdict | None = None
    failure: str = ""
    recovered: list[str] = field(default_factory=list[str])
    """What was taken over from a killed run."""
    again: tuple[str, ...] = ("--recover",)
    """The options with which a person runs it again, if it does not end well."""

    @property
    def dns_names(self) -> frozenset[str]:
        """The names of load balancers that the drain saw in the cluster, and of those that a sweep deleted."""
        return frozenset({*(self.drained.dns_names if self.drained else ()), *(each.dns_name for each in self.swept)})

    @property
    def good(self) -> bool:
        """Whether it is verified that nothing is left."""
        return not self.failure and self.verdict is not None and self.verdict.clean


def run(aws: Aws, options: Options, progress: Progress) -> Night:
    """Do all of it; what fails is in the result. Can be killed and run again at any point."""
    night = Night(capture.of_stack(options.folder, options.stack))
    try:
        _run(aws, options, progress, night)
    except FleetError as error:
        night.failure = str(error)
        night.again = error.options if isinstance(error, HeldError) else night.again
    return night


def _run(aws: Aws, options: Options, progress: Progress, night: Night) -> None:
    budget = Budget.of(options.within)
    with progress.step("capture", "find what to delete") as step:
        aws = proven(aws, night.target, options.file, capture.state_of(options.folder, options.stack))
        night.target = captured(options)
        where = f"{night.target.account_id}, {night.target.region}, {night.target.vpc_id or 'an unknown VPC'}"
        step.said = f"{night.target.cluster} in {where}"
        _obstacles(aws, options, progress, night, budget.part(0.5, spare=REPORT))
        if options.recover:
            night.target = lost_vpc.locate(aws, night.target)
    with progress.step("drain", "suspend Flux, delete load balancers and volumes while their controllers run") as step:
        if not _drain(aws, options, progress, night, budget.part(0.3, spare=REPORT)):
            step.outcome = "skipped"
    with progress.step("sweep", "delete what controllers left"):
        _sweep(aws, options, progress, night, budget.part(0.4, spare=REPORT))
    for number in range(AGAIN + 1):
        night.failure, blocked = _destroy(aws, options, progress, night, budget, number)
        if not blocked:
            break
    with progress.step("sweep again", "delete what the cluster left behind"):
        _sweep(aws, options, progress, night, budget.part(1.0, spare=REPORT), again=True)
    with progress.step("verify", "verify that nothing is left") as step:
        night.verdict = verify.verify(
            aws,
            night.target,
            lambda: capture.state_of(options.folder, options.stack),
            reads=options.reads,
            pause=options.pause,
            zones=capture.zones_of(options.folder, options.stack),
            gone=night.dns_names,
            say=progress.say,
        )
        step.said = night.verdict.line(night.target.cluster)
        step.outcome = step.outcome if night.verdict.clean else "failed"
    if night.good and not (night.drained and night.drained.untagged):
        options.file.unlink(missing_ok=True)
        export_file.remove(export_file.path_of(options.file))


def _destroy(
    aws: Proven, options: Options, progress: Progress, night: Night, budget: Budget, number: int
) -> tuple[str, bool]:
    """One destroy, after a sweep unless it is the first; what failed, and whether a sweep may help."""
    name = f"destroy {number + 1}" if number else "destroy"
    try:
        with progress.step(name, "sweep and destroy again" if number else "run pulumi destroy"):
            if number:
                _sweep(aws, options, progress, night, budget.part(0.4, spare=REPORT), again=True)
            destroy.forget_associations(aws, options.folder, options.stack, progress.say)
            # What the cluster leaves behind wants a sweep after it.
            within = budget.part(0.8, spare=REPORT)
            destroy.destroy(aws, options.folder, options.stack, within, progress.say, options.timings)
    except destroy.RefusedError as refused:
        return str(refused), refused.blocked and budget.left > REPORT
    return "", False


def proven(aws: Aws, target: Target, file: Path, state: StackState) -> Proven:
    """Clients that may write, once settings, state, captured file, environment and credentials are of one cluster.

    Raises:
        FleetError: they are not, or AWS does not say.
    """
    return prove(aws, target, state, capture.read(file) if file.exists() else None)


def captured(options: Options) -> Target:
    """The target, captured in its file. Raises FleetError."""
    target = replace(capture.of_stack(options.folder, options.stack), vpc_id=options.vpc)
    return capture.capture(options.file, target, capture.state_of(options.folder, options.stack))


def _obstacles(aws: Proven, options: Options, progress: Progress, night: Night, budget: Budget) -> None:
    state = capture.state_of(options.folder, options.stack)
    found = destroy.obstacles(options.folder, options.stack, state, options.here)
    for obstacle in found:
        progress.say(obstacle.what)
    destroy.refuse(options.stack, found, recover=options.recover, take_lock=options.take_lock)
    destroy.recover(aws, options.folder, options.stack, found, progress.say)
    night.recovered += [obstacle.what for obstacle in found]
    if options.recover:
        _adopt(aws, options, progress, night, budget)


def _adopt(aws: Proven, options: Options, progress: Progress, night: Night, budget: Budget) -> None:
    """Put back into the state what a killed run was making; what nobody can tell apart is deleted by its tags."""

    def remove(ids: Collection[str]) -> None:
        target = lost_vpc.locate(aws, night.target)
        found = sweep.plan(aws, target, _listed(options), recover=True).only(ids)
        night.swept += sweep.sweep(aws, found, budget, progress.say, patience=options.patience).deleted

    adoption = adopt.recover(
        aws,
        night.target,
        options.folder,
        options.stack,
        export_file.path_of(options.file),
        patience=adopt.Patience(options.reads, options.pause, min(options.recover_deadline, budget.left)),
        remove=remove,
        tell=progress.say,
    )
    night.recovered += adoption.lines if adoption else ()
    night.target = captured(options)


def _drain(aws: Proven, options: Options, progress: Progress, night: Night, budget: Budget) -> bool:
    """Whether there was a cluster to drain. Raises FleetError: it failed, and may not be left out."""
    cluster, why = aws.cluster()
    if cluster is None:
        night.drained = drain.Drained(outcome=why)
        progress.say(f"{why}: skipping the drain, the sweep deletes what controllers left")
        return False
    untagged: list[str] = []
    try:
        night.target, untagged = retained_volumes.learn(aws, night.target, cluster, options.file)
        for line in untagged:
            progress.say(line)
        settle = min(options.deadlines.settle, budget.left / 2)
        deadlines = drain.Deadlines(settle, min(options.deadlines.clear, budget.left - settle))
        night.drained = drain.drain(aws, night.target, cluster, progress, deadlines)
    except FleetError as error:
        if not options.force:
            raise FleetError(f"{error}; --force continues without a drain") from None
        night.drained = drain.Drained(outcome=str(error))
        progress.say(f"{error}: continuing because of --force")
    night.drained.untagged = untagged
    return True


def _sweep(
    aws: Proven, options: Options, progress: Progress, night: Night, budget: Budget, *, again: bool = False
) -> None:
    """One pass; what cannot be looked at or deleted is said, and judged by verify at the end.

    Recovering, what the stack made and the state has lost goes as well: once pulumi has had its turn.
    """
    listed = _listed(options)
    found = sweep.plan(aws, night.target, listed, recover=options.recover and (again or not listed))
    for line in found.findings.unknown:
        progress.say(f"unknown: {line}")
    outcome: Outcome = sweep.sweep(aws, found, budget, progress.say, patience=options.patience)
    night.swept += outcome.deleted
    night.failed = outcome.failed
    progress.say(f"{len(outcome.deleted)} deleted, {len(outcome.failed)} failed")


def _listed(options: Options) -> frozenset[str]:
    """What the state lists. Raises UnknownError: without it nothing may be swept."""
    state: StackState = capture.state_of(options.folder, options.stack)
    return state.listed
