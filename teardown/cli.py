"""`python -m teardown`."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap import guard
from bootstrap.errors import BootstrapError
from bootstrap.progress import Progress
from common import summary
from common.console import Console, give, give_json
from teardown import budget as budgets
from teardown import capture as capturing
from teardown import drain as draining
from teardown import history as histories
from teardown import issue as issues
from teardown import keep as keeping
from teardown import locks, reclaim, report
from teardown import policy as policies
from teardown import run as running
from teardown import sweep as sweeping
from teardown import verify as verifying
from teardown.aws import Aws
from teardown.errors import TeardownError, UnknownError
from teardown.report import Report
from teardown.target import State

if TYPE_CHECKING:
    from teardown.proof import Proven
    from teardown.target import Target

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from teardown.kinds.base import Leftover

HELP = """The end of the day: nothing is left in AWS, and it is sure.

1. `verify` and `sweep` look. Safe: they change nothing.

2. `sweep --yes` deletes what Kubernetes' controllers left; never what is shared, another cluster's, the permanent \
layer's, or in the stack's state.

3. `run --yes` is the night: drain, sweep, `pulumi destroy`, sweep, verify. Killed, it is run again.

Exit codes: 0 sure that nothing is left (or, of a dry run, that it could look), 1 not, 2 bad usage.

Credentials: AWS's from the environment.
"""
CLONE = Path(__file__).resolve().parents[1]

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

Stack = Annotated[str, typer.Option("--stack", help="The stack.")]
Project = Annotated[
    Path, typer.Option("--cwd", "-C", help="The folder of the Pulumi project.", show_default="this clone")
]
Vpc = Annotated[str, typer.Option("--vpc", help="The VPC, where neither state nor captured file knows it any more.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without, it is shown what would be done.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result for machines.")]
Reads = Annotated[int, typer.Option(min=1, help="How many clean looks running it takes to be sure.")]
Pause = Annotated[float, typer.Option(min=0, help="Seconds between two of them.")]
Deadline = Annotated[float, typer.Option(min=0, help="Seconds that one deletion may wait for what holds it.")]
STACK = "staging"
DEADLINES = draining.Deadlines()


@app.command()
def run(  # each is an option
    stack: Stack = STACK,
    cwd: Project = CLONE,
    vpc: Vpc = "",
    yes: Yes = False,  # noqa: FBT002  # a flag
    force: Annotated[bool, typer.Option("--force", envvar="FORCE", help="Go on after a drain that failed.")] = False,  # noqa: FBT002
    recover: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--recover", help="Take the lock of a run that is gone, and settle what it was at."),
    ] = False,
    take_lock: Annotated[  # noqa: FBT002
        bool, typer.Option("--take-lock", help="With --recover: take any lock. Ask its holder first.")
    ] = False,
    runner_user: Annotated[
        str,
        typer.Option("--runner-user", envvar=locks.VARIABLE, help="Users of self-hosted runners, with commas between."),
    ] = "",
    keep_until: Annotated[
        str, typer.Option("--keep-until", envvar=keeping.VARIABLE, help="Skip the night until then: see `keep`.")
    ] = "",
    clear: Annotated[float, typer.Option(min=0, help="Seconds that finalizers and AWS may take.")] = DEADLINES.clear,
    settle: Annotated[float, typer.Option(min=0, help="Seconds that Flux may take to stop.")] = DEADLINES.settle,
    deadline: Deadline = sweeping.PATIENCE,
    within: Annotated[float, typer.Option(min=0, help="Seconds that all of it may take.")] = budgets.WITHIN,
    reads: Reads = verifying.READS,
    pause: Pause = verifying.PAUSE,
    json: Json = False,  # noqa: FBT002
) -> None:
    """The night: capture, drain, sweep, pulumi destroy, sweep, verify. Without --yes it shows what it would do."""
    kept, why = keeping.holds(keep_until, datetime.now(UTC))
    if why:
        console.print(why)
    summary.outputs(kept=str(kept).lower())
    if kept:
        _end(Report(title=f"{stack} is not destroyed tonight: {why}", good=True), json=json)
    options = running.Options(
        cwd,
        stack,
        _file(cwd, stack),
        vpc=vpc,
        force=force,
        recover=recover,
        take_lock=take_lock,
        here=locks.Here(runners=[name.strip() for name in runner_user.split(",") if name.strip()]),
        deadlines=draining.Deadlines(settle, clear),
        patience=deadline,
        within=within,
        reads=reads,
        pause=pause,
    )
    if not yes:
        _end(_dry(options), json=json)
    progress = Progress(console)

    def interrupt(*_arguments: object) -> None:
        progress.interrupted = True
        console.say_at_once("stopping after this step; the same command goes on from there")

    signal.signal(signal.SIGINT, interrupt)
    night = running.run(Aws(capturing.of_stack(cwd, stack).region), options, progress)
    _end(_of_night(night, progress, [why] if why else []), json=json)


@app.command()
def capture(stack: Stack = STACK, cwd: Project = CLONE) -> None:
    """Write down what is to go: account, region, VPC, cluster. Changes nothing else."""
    target = running.captured(running.Options(cwd, stack, _file(cwd, stack)))
    console.print(f"{_file(cwd, stack)}: {target.cluster} in {target.account_id}, {target.region}, {target.vpc_id}")


@app.command()
def drain(
    stack: Stack = STACK,
    cwd: Project = CLONE,
    yes: Yes = False,  # noqa: FBT002
    clear: Annotated[float, typer.Option(min=0, help="Seconds that finalizers and AWS may take.")] = DEADLINES.clear,
    settle: Annotated[float, typer.Option(min=0, help="Seconds that Flux may take to stop.")] = DEADLINES.settle,
) -> None:
    """Suspend Flux, and delete Ingresses, Services with load balancers, Gateways, and PVCs that no pod mounts."""
    aws, _state = _proven(cwd, stack, "")
    cluster, why = aws.cluster()
    if cluster is None:
        console.print(f"{why}: nothing to drain; `sweep` does it all")
        return
    if not yes:
        kept = [f"keep {each.volume_id}: {each.name} says Retain" for each in reclaim.read(cluster) if each.is_retained]
        console.print(f"would suspend all of Flux in {aws.target.cluster} and delete:")
        for line in [*draining.preview(cluster), *kept]:
            console.print(f"  {line}")
        return
    target, untagged = reclaim.learn(aws, aws.target, cluster, _file(cwd, stack))
    for line in untagged:
        console.print(line)
    done = draining.drain(aws, target, cluster, Progress(console), draining.Deadlines(settle, clear))
    for line in done.stuck:
        console.print(f"stuck: {line}")
    raise typer.Exit(1 if done.stuck else 0)


@app.command()
def sweep(
    stack: Stack = STACK,
    cwd: Project = CLONE,
    vpc: Vpc = "",
    yes: Yes = False,  # noqa: FBT002
    deadline: Deadline = sweeping.PATIENCE,
    json: Json = False,  # noqa: FBT002
) -> None:
    """Show what controllers left, in the order in which it would be deleted; --yes deletes it."""
    aws, state = _proven(cwd, stack, vpc)
    target, untagged = reclaim.of_living(aws, _file(cwd, stack), write=yes)
    found = sweeping.plan(aws, target, state.listed)
    told = Report(
        title=f"{target.cluster}: would delete {_many(found.doomed)}",
        good=not found.findings.unknown,
        stays=[report.row(each) for each in found.kept],
        kept=[report.row(each) for each in found.findings.kept],
        blocking=report.blockers(found.findings.blocking),
        unknown=found.findings.unknown,
        notes=[*untagged, *report.elsewhere(found.findings.elsewhere)],
    )
    if not yes:
        again = f"sweep --stack {stack} --yes" if found.doomed else ""
        plan = [[report.row(each) for each in step] for step in found.steps]
        _end(replace(told, plan=plan, again=again), json=json)
    whole = budgets.Budget.of(budgets.WITHIN)
    outcome = sweeping.sweep(aws, found, whole, console.print, patience=deadline)
    deleted = [each.id for each in outcome.deleted]
    told = replace(
        told,
        title=f"{target.cluster}: deleted {_many(outcome.deleted)}",
        good=outcome.good,
        swept=[report.row(each) for each in outcome.deleted],
        left=report.rows([each for each in found.doomed if each.id not in deleted], failed=outcome.failed),
        unknown=[*told.unknown, *(f"{label}: {why}" for label, why in outcome.failed.items())],
    )
    _end(told, json=json)


@app.command()
def verify(
    stack: Stack = STACK,
    cwd: Project = CLONE,
    vpc: Vpc = "",
    watchdog: Annotated[
        float | None, typer.Option(metavar="HOURS", help="Only fail if a cluster older than that is alive.")
    ] = None,
    reads: Reads = verifying.READS,
    pause: Pause = verifying.PAUSE,
    json: Json = False,  # noqa: FBT002
) -> None:
    """Look whether anything of the cluster is left. Exit code 0 only when it is sure that nothing is."""
    target = _target(cwd, stack, vpc)
    aws = Aws(target.region)
    if watchdog is not None:
        wrong = verifying.overdue(aws, target, watchdog, datetime.now(UTC))
        title = wrong or f"no cluster of {stack} is older than {watchdog:g} hours"
        _end(Report(title=title, good=not wrong, again=_again(stack) if wrong else ""), json=json)
    zones = capturing.zones_of(cwd, stack)
    verdict = verifying.verify(
        aws, target, lambda: capturing.state_of(cwd, stack), reads=reads, pause=pause, zones=zones
    )
    told = _of_verdict(target.cluster, verdict)
    _end(replace(told, again="" if told.good else _again(stack)), json=json)


@app.command()
def policy(
    account: Annotated[str, typer.Option("--account", help="The AWS account.")],
    region: Annotated[str, typer.Option("--region", help="Its region.")],
    cluster: Annotated[list[str], typer.Option("--cluster", help="A cluster; again for more.")],
    zone: Annotated[list[str] | None, typer.Option("--zone", help="A Route 53 hosted zone; again for more.")] = None,
) -> None:
    """Print the policy documents that all of this needs, as the permanent layer's deploy role has them."""
    documents = {
        "probes": policies.probes(account, region, zone or ()),
        "leftovers": policies.leftovers(account, region, cluster),
        "owned": policies.owned(account, region, cluster),
        "marks": policies.marks(account, region, cluster),
    }
    give_json(documents)


@app.command()
def keep(
    hours: Annotated[float, typer.Option(help="For how long, at most 24 hours from now.")] = 12.0,
) -> None:
    """Say how to skip the night: a variable of the repository that the nightly workflow reads."""
    value = keeping.until(hours, datetime.now(UTC))
    give(f"gh variable set {keeping.VARIABLE} --body {value}")


@app.command()
def when(stack: Stack = STACK) -> None:
    """Say when the night comes and how to skip it: for the summary of a rebuild."""
    value = keeping.until(12, datetime.now(UTC))
    lines = [
        f"`{stack}` is destroyed at 20:00 UTC (nightly-destroy.yml).",
        f"To keep it for 12 hours from now: `gh variable set {keeping.VARIABLE} --body {value}`",
    ]
    summary.write(Report(title=f"the nightly teardown of {stack}", good=True, notes=lines).to_markdown())
    for line in lines:
        console.print(line)


@app.command()
def history(
    stack: Stack = STACK,
    cwd: Project = CLONE,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    json: Json = False,  # noqa: FBT002
) -> None:
    """List the versions of the stack's state that its bucket keeps. Changes nothing."""
    kept = histories.History(cwd, stack)
    versions = kept.versions()
    shown = kept.read(versions[:limit])
    if json:
        give_json([each.to_json() for each in shown])
    console.print(f"s3://{kept.bucket}/{kept.key}: {len(versions)} versions, {len(shown)} shown, the newest first")
    for line in report.aligned([each.cells for each in shown]):
        console.print(line)
    if not versions:
        raise TeardownError(f"there was never a state of {stack} in s3://{kept.bucket}")


@app.command()
def restore(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The id of a version: see `history`.")],
    stack: Stack = STACK,
    cwd: Project = CLONE,
    yes: Yes = False,  # noqa: FBT002
) -> None:
    """Make an earlier version of the stack's state the newest; what is there now stays a version as well."""
    target = capturing.of_stack(cwd, stack)
    kept = histories.History(cwd, stack)
    done = kept.restore(version)
    state = done.version.content.state if done.version.content else State()
    aws = running.proven(Aws(target.region), target, _file(cwd, stack), state)
    done = kept.restore(version, aws) if yes else done
    then, now = done.version.label, done.before.label
    if not done.is_needed:
        console.print(f"the newest version is the same as {version} ({then}): nothing to do")
    elif not yes:
        console.print(f"would make {version} ({then}) the newest version of {stack}'s state (now {now}); --yes does it")
    else:
        console.print(f"{version} ({then}) is the newest version of {stack}'s state, as {done.new_id}; before: {now}")
    for pending in done.version.pending:
        console.print(f"a run was killed at {pending}: the next `run --yes` needs --recover")


@app.command()
def issue(
    destroy: Annotated[str, typer.Option(help="The result of the job that destroys.")],
    watchdog: Annotated[str, typer.Option(help="The result of the job that looks for an old cluster.")],
    stack: Stack = STACK,
    kept: Annotated[str, typer.Option(help="true if the night was skipped on purpose.")] = "",
    told: Annotated[
        str, typer.Option("--report", envvar="REPORT", help="The output `report` of the job that failed.")
    ] = "",
    cwd: Project = CLONE,
) -> None:
    """Open or update the issue of a night that failed, close it after one that ended well."""
    failed = {job: result for job, result in (("destroy", destroy), ("watchdog", watchdog)) if issues.is_bad(result)}
    night = issues.Night(stack, failed, ended_well=destroy == issues.SUCCESS and kept != "true")
    console.print(issues.report(night, issues.read(told), issues.Reader.of(cwd, stack)))


def _file(cwd: Path, stack: str) -> Path:
    return cwd / ".teardown" / f"{stack}.json"


def _target(cwd: Path, stack: str, vpc: str) -> Target:
    """The cluster, with the VPC that was given, or that the state or the captured file has."""
    target = capturing.of_stack(cwd, stack)
    path = _file(cwd, stack)
    try:
        known = capturing.state_of(cwd, stack).vpc_id
    except UnknownError:
        known = ""
    captured = capturing.read(path) if path.exists() else target
    vpc_id = capturing.vpc_of(vpc, known) or captured.vpc_id
    return replace(target, vpc_id=vpc_id, persistent_volumes=captured.persistent_volumes)


def _proven(cwd: Path, stack: str, vpc: str) -> tuple[Proven, State]:
    """Clients that may write, of a target with its VPC; and the state. Raises TeardownError: nothing may be written."""
    target, state = _target(cwd, stack, vpc), capturing.state_of(cwd, stack)
    return running.proven(Aws(target.region), target, _file(cwd, stack), state), state


def _dry(options: running.Options) -> Report:
    """What a night would do."""
    aws, state = _proven(options.folder, options.stack, options.vpc)
    cluster, why = aws.cluster()
    target = reclaim.retained(aws.target, reclaim.read(cluster)) if cluster else aws.target
    found = sweeping.plan(aws, target, state.listed)
    notes = [why] if cluster is None else draining.preview(cluster)
    return Report(
        title=f"would destroy {target.cluster}: drain, sweep, {len(state.listed)} names in the state; --yes does it",
        good=not found.findings.unknown,
        plan=[[report.row(each) for each in step] for step in found.steps],
        kept=[report.row(each) for each in found.findings.kept],
        blocking=report.blockers(found.findings.blocking),
        unknown=found.findings.unknown,
        notes=notes,
    )


def _of_verdict(cluster: str, verdict: verifying.Verdict, failed: Collection[str] = ()) -> Report:
    return Report(
        title=verdict.line(cluster),
        good=verdict.clean,
        left=report.rows(verdict.left, verdict.in_state, failed),
        kept=[report.row(each) for each in verdict.kept],
        blocking=report.blockers(verdict.blocking),
        unknown=verdict.unknown,
        in_state=verdict.in_state,
        notes=[*(record.note for record in verdict.records), *report.elsewhere(verdict.elsewhere)],
    )


def _of_night(night: running.Night, progress: Progress, notes: list[str]) -> Report:
    drained = night.drained
    if drained:
        notes = [*notes, f"drain: {drained.outcome}", *(f"stuck: {each}" for each in drained.stuck)]
        notes += drained.untagged
        notes += [f"went with the sweep, because a pod mounted it: {each}" for each in drained.mounted]
    stopped = Report(title=f"{night.target.cluster}: the nightly teardown stopped before it could verify", good=False)
    seen = _of_verdict(night.target.cluster, night.verdict, night.failed) if night.verdict else stopped
    return replace(
        seen,
        good=night.good,
        steps=progress.steps,
        failure=night.failure,
        swept=[report.row(each) for each in night.swept],
        unknown=[*seen.unknown, *(f"{label}: {why}" for label, why in night.failed.items())],
        recovered=night.recovered,
        notes=[*notes, *seen.notes],
        again="" if night.good else _again(night.target.stack, *night.again),
    )


def _again(stack: str, *options: str) -> str:
    """The command that takes away what is left, wherever it is typed."""
    return " ".join(("run", "--stack", stack, "--yes", *options))


def _many(leftovers: Sequence[Leftover]) -> str:
    return verifying.resources([each.monthly for each in leftovers])


def _end(told: Report, *, json: bool) -> None:
    """Say it, and end with the exit code that fits."""
    if json:
        give_json(told.document)
    for line in told.lines():
        console.print(line)
    summary.write(told.to_markdown())
    if not told.good:
        summary.outputs(report=told.output)
    console.print(f"teardown: {told.failure or told.title}")
    raise typer.Exit(0 if told.good else 1)


def main() -> None:
    """Run a command; what stops it is said in one line."""
    try:
        guard.refuse_other_world()
        app()
    except (TeardownError, BootstrapError) as error:
        summary.outputs(report=Report(title="the command stopped", good=False, failure=str(error)).output)
        console.fail(f"teardown: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("teardown: stopped; the same command goes on from here")
        sys.exit(130)
