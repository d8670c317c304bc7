"""The night: capture, drain, sweep, destroy, sweep again where AWS refuses, and verify."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.errors import BootstrapError
from teardown import capture, destroy, drain, sweep, verify
from teardown.errors import TeardownError
from teardown.recovery import adopt, export_file

if TYPE_CHECKING:
    from pathlib import Path

    from bootstrap.progress import Progress
    from teardown.aws import Aws
    from teardown.drain import Deadlines, Drained
    from teardown.kinds.base import Leftover
    from teardown.recovery.adopt import Adoption
    from teardown.sweep import Outcome
    from teardown.target import State, Target
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
    force: bool = False
    """Go on after a drain that failed."""
    recover: bool = False
    """Take away what a killed run has left: its lock, its pending operations."""
    deadlines: Deadlines = field(default_factory=lambda: drain.Deadlines())
    recover_deadline: float = adopt.SETTLE
    """Seconds that AWS may take to end what a killed run began."""
    sweep_deadline: float = 600.0
    """Seconds that one deletion may wait for what holds it."""
    reads: int = verify.READS
    pause: float = verify.PAUSE


@dataclass
class Night:
    """What a run came to."""

    target: Target
    adoption: Adoption | None = None
    """What became of what a killed run was making."""
    drained: Drained | None = None
    swept: list[Leftover] = field(default_factory=list["Leftover"])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """What the last sweep could not delete."""
    verdict: Verdict | None = None
    failure: str = ""

    @property
    def good(self) -> bool:
        """Whether it is sure that nothing is left."""
        return not self.failure and self.verdict is not None and self.verdict.clean


def run(aws: Aws, options: Options, progress: Progress) -> Night:
    """Do all of it; what fails is in the result. Can be killed and run again at any point."""
    night = Night(capture.of_stack(options.folder, options.stack))
    try:
        _run(aws, options, progress, night)
    except (TeardownError, BootstrapError) as error:
        night.failure = str(error)
    return night


def _run(aws: Aws, options: Options, progress: Progress, night: Night) -> None:
    with progress.step("capture", "what is to go") as step:
        night.target = captured(options)
        where = f"{night.target.account_id}, {night.target.region}, {night.target.vpc_id or 'an unknown VPC'}"
        step.said = f"{night.target.cluster} in {where}"
        _obstacles(aws, options, progress, night)
    with progress.step("drain", "Flux stops; load balancers and volumes go while their controllers run"):
        _drain(aws, options, progress, night)
    with progress.step("sweep", "what controllers left"):
        _sweep(aws, options, progress, night)
    for number in range(AGAIN + 1):
        night.failure, blocked = _destroy(aws, options, progress, night, number)
        if not blocked:
            break
    with progress.step("sweep again", "what the cluster left behind"):
        _sweep(aws, options, progress, night)
    with progress.step("verify", "nothing is left") as step:
        night.verdict = verify.verify(
            aws,
            night.target,
            lambda: capture.state_of(options.folder, options.stack),
            reads=options.reads,
            pause=options.pause,
        )
        step.said = "sure" if night.verdict.clean else "not sure"
    if night.good:
        options.file.unlink(missing_ok=True)
        export_file.remove(export_file.path_of(options.file))


def _destroy(aws: Aws, options: Options, progress: Progress, night: Night, number: int) -> tuple[str, bool]:
    """One destroy, after a sweep unless it is the first; what failed, and whether a sweep may help."""
    name = f"destroy {number + 1}" if number else "destroy"
    try:
        with progress.step(name, "sweep and destroy again" if number else "pulumi destroy"):
            if number:
                _sweep(aws, options, progress, night)
            destroy.destroy(options.folder, options.stack, progress.say)
    except destroy.RefusedError as refused:
        return str(refused), refused.blocked
    return "", False


def captured(options: Options) -> Target:
    """The target, captured in its file. Raises TeardownError."""
    target = capture.of_stack(options.folder, options.stack)
    return capture.capture(options.file, target, capture.state_of(options.folder, options.stack))


def _obstacles(aws: Aws, options: Options, progress: Progress, night: Night) -> None:
    state = capture.state_of(options.folder, options.stack)
    found = destroy.obstacles(options.folder, options.stack, state)
    for each in found:
        progress.say(f"{each.what} → {each.answer(options.stack)}")
    if found and not options.recover:
        raise TeardownError(f"{found[0].what}: see that nobody is at work, and run this again with --recover")
    destroy.recover(options.folder, options.stack, found, progress.say)
    if options.recover:
        night.adoption = adopt.recover(
            aws,
            night.target,
            options.folder,
            options.stack,
            export_file.path_of(options.file),
            patience=adopt.Patience(options.reads, options.pause, options.recover_deadline),
            tell=progress.say,
        )
        night.target = captured(options)


def _drain(aws: Aws, options: Options, progress: Progress, night: Night) -> None:
    cluster, why = drain.find(aws, night.target)
    if cluster is None:
        night.drained = drain.Drained(outcome=why)
        progress.say(f"{why}: the sweep does it all")
        return
    try:
        night.drained = drain.drain(aws, night.target, cluster, progress, options.deadlines)
    except TeardownError as error:
        if not options.force:
            raise TeardownError(f"{error}; --force goes on without a drain") from None
        night.drained = drain.Drained(outcome=str(error))
        progress.say(f"{error}: forced on")


def _sweep(aws: Aws, options: Options, progress: Progress, night: Night) -> None:
    """One pass; what cannot be looked at or deleted is said, and judged by verify at the end."""
    found = sweep.plan(aws, night.target, _listed(options))
    for line in found.findings.unknown:
        progress.say(f"unknown: {line}")
    outcome: Outcome = sweep.sweep(aws, found, options.sweep_deadline, progress.say)
    night.swept += outcome.deleted
    night.failed = outcome.failed
    progress.say(f"{len(outcome.deleted)} deleted, {len(outcome.failed)} not")


def _listed(options: Options) -> frozenset[str]:
    """What the state lists. Raises UnknownError: without it nothing may be swept."""
    state: State = capture.state_of(options.folder, options.stack)
    return state.listed
