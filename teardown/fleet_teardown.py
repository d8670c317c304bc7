"""`fleet teardown`."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from common import summary, timing, world
from common.aws import Aws
from common.console import Console, Grid, Progress, give, give_json, tell
from common.errors import FleetError, UnknownError
from common.pulumi.exported_state import StackState
from fleet.options import HERE, STACK, Cwd, Json, Stack, Timings, Yes
from infra.contract import sweep_policies
from teardown import (
    capture,
    declared_permissions,
    drain,
    history,
    issue,
    keep,
    lock_owner,
    nights,
    report,
    retained_volumes,
    run,
    sweep,
    time_budget,
    verify,
)
from teardown.reader import Reader
from teardown.report import Report

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from common.target import Proven
    from teardown.kinds.base import Leftover
    from teardown.target import Target

HELP = """Destroy a stack, delete what controllers left in AWS, and verify that nothing is left.

1. `verify` and `sweep` look. Safe: they change nothing.

2. `sweep --yes` deletes what Kubernetes' controllers left; never what is shared, another cluster's, the permanent \
layer's, or in the stack's state.

3. `run --yes` is the nightly teardown: drain, sweep, `pulumi destroy`, sweep, verify. It is safe to run again \
after an interruption.

Exit codes: 0 verified that nothing is left (of a dry run: that everything could be checked), 1 something is left or \
failed, 2 used wrongly, or could not be checked.

Credentials: AWS's from the environment.
"""


class Reported(TyperGroup):
    """The commands; one that stops leaves its reason for the step that writes the alarm's issue."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command, in the world that started us. Raises FleetError: it stops."""
        try:
            world.refuse_other_world()
            return super().invoke(ctx)
        except FleetError as error:
            summary.outputs(report=Report(title="the command stopped", good=False, failure=str(error)).output)
            raise


app = typer.Typer(cls=Reported, help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

Vpc = Annotated[str, typer.Option("--vpc", help="The VPC, if neither the state nor the captured file has it.")]
Reads = Annotated[int, typer.Option(min=1, help="Consecutive clean checks required.")]
Pause = Annotated[float, typer.Option(min=0, help="Seconds between two checks.")]
Deadline = Annotated[float, typer.Option(min=0, help="Seconds to wait for what holds one resource.")]
DEADLINES = drain.Deadlines()


def _refuse_typed(ctx: typer.Context, value: str) -> str:
    """Refuse what a person mistyped. A bad variable of the repository keeps nothing, so that it costs no night."""
    source: Any = ctx.get_parameter_source("keep_until")
    kept, why = keep.holds(value, datetime.now(UTC))
    if source.name == "COMMANDLINE" and why and not kept:
        raise typer.BadParameter(f"{value!r} is not a UTC time within 24 hours, such as 2026-11-28T22:00:00Z")
    return value


@app.command("run")
def run_night(  # each is an option
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    vpc: Vpc = "",
    yes: Yes = False,
    force: Annotated[bool, typer.Option("--force", envvar="FORCE", help="Continue after a failed drain.")] = False,
    recover: Annotated[
        bool,
        typer.Option("--recover", help="Release the lock of an interrupted run, and recover what it was creating."),
    ] = False,
    take_lock: Annotated[
        bool, typer.Option("--take-lock", help="With --recover: release any lock. Ask its holder first.")
    ] = False,
    runner_user: Annotated[
        str,
        typer.Option(
            "--runner-user", envvar=lock_owner.VARIABLE, help="Users of self-hosted runners, with commas between."
        ),
    ] = "",
    keep_until: Annotated[
        str,
        typer.Option(
            "--keep-until",
            envvar=keep.VARIABLE,
            help="Destroy nothing until then: a UTC time, see `keep`. An invalid variable is ignored.",
            callback=_refuse_typed,
        ),
    ] = "",
    clear: Annotated[float, typer.Option(min=0, help="Seconds to wait for finalizers and AWS.")] = DEADLINES.clear,
    settle: Annotated[float, typer.Option(min=0, help="Seconds to wait until Flux is suspended.")] = DEADLINES.settle,
    deadline: Deadline = sweep.PATIENCE,
    within: Annotated[float, typer.Option(min=0, help="Seconds for the whole run.")] = time_budget.WITHIN,
    reads: Reads = verify.READS,
    pause: Pause = verify.PAUSE,
    timings: Timings = None,
    json: Json = False,
) -> None:
    """Run the nightly teardown: drain, sweep, pulumi destroy, sweep, verify. Without --yes: a dry run."""
    kept, why = keep.holds(keep_until, datetime.now(UTC))
    if why:
        console.print(why)
    summary.outputs(kept=str(kept).lower())
    if kept:
        _end(Report(title=f"{stack} is not destroyed tonight: {why}", good=True), Reader.of(cwd, stack), json=json)
    options = run.Options(
        cwd,
        stack,
        _file(cwd, stack),
        vpc=vpc,
        force=force,
        recover=recover,
        take_lock=take_lock,
        here=lock_owner.Here(runners=[name.strip() for name in runner_user.split(",") if name.strip()]),
        deadlines=drain.Deadlines(settle, clear),
        patience=deadline,
        within=within,
        reads=reads,
        pause=pause,
        timings=timings,
    )
    if not yes:
        _end(_dry(options), Reader.of(cwd, stack), json=json)
    if timings:
        timing.prepare(timings, "teardown")
    progress = Progress(console)

    def interrupt(*_arguments: object) -> None:
        progress.interrupted = True
        console.say_at_once("stopping after this step; the same command goes on from there")

    signal.signal(signal.SIGINT, interrupt)
    night = run.run(Aws(capture.of_stack(cwd, stack).region), options, progress)
    if timings:
        timing.write_steps(timings, "teardown", progress.steps, console.print)
    _end(_of_night(night, progress, [why] if why else []), Reader.of(cwd, stack), json=json)


@app.command("capture")
def capture_target(stack: Stack = STACK, cwd: Cwd = HERE) -> None:
    """Record the stack's account, region, VPC and cluster. Changes nothing else."""
    target = run.captured(run.Options(cwd, stack, _file(cwd, stack)))
    give(f"{_file(cwd, stack)}: {target.cluster} in {target.account_id}, {target.region}, {target.vpc_id}")


@app.command("drain")
def drain_cluster(
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    yes: Yes = False,
    clear: Annotated[float, typer.Option(min=0, help="Seconds to wait for finalizers and AWS.")] = DEADLINES.clear,
    settle: Annotated[float, typer.Option(min=0, help="Seconds to wait until Flux is suspended.")] = DEADLINES.settle,
) -> None:
    """Suspend Flux, and delete Ingresses, Services with load balancers, Gateways, and PVCs that no pod mounts."""
    aws, target, _state = _proven(cwd, stack, "")
    cluster, why = aws.cluster()
    if cluster is None:
        give(f"{why}: nothing to drain; `sweep` deletes the rest")
        return
    if not yes:
        kept = [
            f"keep {each.volume_id}: {each.name} says Retain"
            for each in retained_volumes.read(cluster)
            if each.is_retained
        ]
        give(f"would suspend all of Flux in {target.cluster} and delete:")
        for line in [*drain.preview(cluster), *kept]:
            give(f"  {line}")
        return
    target, untagged = retained_volumes.learn(aws, target, cluster, _file(cwd, stack))
    for line in untagged:
        console.print(line)
    done = drain.drain(aws, target, cluster, Progress(console), drain.Deadlines(settle, clear))
    for line in done.stuck:
        give(f"stuck: {line}")
    raise typer.Exit(1 if done.stuck else 0)


@app.command("sweep")
def sweep_leftovers(
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    vpc: Vpc = "",
    yes: Yes = False,
    deadline: Deadline = sweep.PATIENCE,
    json: Json = False,
) -> None:
    """Show what controllers left, in the order in which it would be deleted; --yes deletes it."""
    aws, target, state = _proven(cwd, stack, vpc)
    target, untagged = retained_volumes.of_living(aws, target, _file(cwd, stack), write=yes)
    with console.status(f"looking for what is left of {target.cluster}"):
        found = sweep.plan(aws, target, state.listed)
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
        _end(replace(told, is_dry=True, plan=plan, again=again), Reader.of(cwd, stack), json=json)
    whole = time_budget.Budget.of(time_budget.WITHIN)
    outcome = sweep.sweep(aws, found, whole, console.print, patience=deadline)
    deleted = [each.id for each in outcome.deleted]
    told = replace(
        told,
        title=f"{target.cluster}: deleted {_many(outcome.deleted)}",
        good=outcome.good,
        swept=[report.row(each) for each in outcome.deleted],
        left=report.rows([each for each in found.doomed if each.id not in deleted], failed=outcome.failed),
        unknown=[*told.unknown, *(f"{label}: {why}" for label, why in outcome.failed.items())],
    )
    _end(told, Reader.of(cwd, stack), json=json)


@app.command("verify")
def verify_account(
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    vpc: Vpc = "",
    watchdog: Annotated[
        bool, typer.Option("--watchdog", help="Only look whether the cluster outlived the last night that was due.")
    ] = False,
    keep_until: Annotated[
        str,
        typer.Option("--keep-until", envvar=keep.VARIABLE, help="With --watchdog: until when nights were skipped."),
    ] = "",
    reads: Reads = verify.READS,
    pause: Pause = verify.PAUSE,
    json: Json = False,
) -> None:
    """Check for resources that the cluster left. Exits 0 only if all could be checked and nothing was found."""
    target = _target(cwd, stack, vpc)
    aws = Aws(target.region)
    if watchdog:
        due = nights.last_due(datetime.now(UTC), keep_until)
        wrong = verify.missed(aws, target, due)
        title = wrong or f"no cluster of {stack} outlived the nightly teardown of {due:%Y-%m-%d %H:%M} UTC"
        _end(
            Report(title=title, good=not wrong, again=_again(stack) if wrong else ""), Reader.of(cwd, stack), json=json
        )
    zones = capture.zones_of(cwd, stack)
    with console.status(f"checking {target.cluster}") as waiting:
        verdict = verify.verify(
            aws,
            target,
            lambda: capture.state_of(cwd, stack),
            reads=reads,
            pause=pause,
            zones=zones,
            say=waiting.update,
        )
    told = _of_verdict(target.cluster, verdict)
    _end(replace(told, again=_again(stack) if told.left or told.in_state else ""), Reader.of(cwd, stack), json=json)


@app.command("policy")
def print_policy(
    account: Annotated[str, typer.Option("--account", help="The AWS account.")],
    region: Annotated[str, typer.Option("--region", help="Its region.")],
    cluster: Annotated[list[str], typer.Option("--cluster", help="A cluster; again for more.")],
    zone: Annotated[list[str] | None, typer.Option("--zone", help="A Route 53 hosted zone; again for more.")] = None,
) -> None:
    """Print the policy documents that all of this needs, as the permanent layer's deploy role has them."""
    declared = declared_permissions.declared()
    documents = {
        "probes": sweep_policies.probes(declared, account, region, zone or ()),
        "leftovers": sweep_policies.leftovers(declared, account, region, cluster),
        "owned": sweep_policies.owned(declared, account, region, cluster),
        "marks": sweep_policies.marks(declared, account, region, cluster),
    }
    give_json(documents)


@app.command("keep")
def keep_up(
    hours: Annotated[float, typer.Option(help="For how long, at most 24 hours from now.")] = 12.0,
) -> None:
    """Say how to skip the nightly teardown: a variable of the repository that the nightly workflow reads."""
    value = keep.until(hours, datetime.now(UTC))
    give(f"gh variable set {keep.VARIABLE} --body {value}")


@app.command("when")
def say_when(stack: Stack = STACK, cwd: Cwd = HERE) -> None:
    """Say when the nightly teardown runs and how to skip it, for the summary of a rebuild."""
    value = keep.until(12, datetime.now(UTC))
    lines = [
        f"`{stack}` is destroyed at {nights.AT:%H:%M} UTC (nightly-destroy.yml).",
        f"To keep it for 12 hours from now: `gh variable set {keep.VARIABLE} --body {value}`",
    ]
    if always_on := capture.always_on(cwd, stack):
        lines = [always_on]
    summary.write(Report(title=f"the nightly teardown of {stack}", good=True, notes=lines).to_markdown(Reader()))
    give(*lines)


@app.command("history")
def show_history(
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    json: Json = False,
) -> None:
    """List the versions of the stack's state that its bucket keeps. Changes nothing."""
    kept = history.History(cwd, stack)
    with console.status(f"reading the versions of {stack}'s state"):
        versions = kept.versions()
        shown = kept.read(versions[:limit])
    if json:
        give_json([each.to_json() for each in shown])
    head = f"s3://{kept.bucket}/{kept.key}: {len(versions)} versions, {len(shown)} shown, the newest first"
    for line in (head, Grid(history.HEAD, [each.cells for each in shown])):
        tell(line, beside_json=json)
    if not versions:
        raise FleetError(f"there was never a state of {stack} in s3://{kept.bucket}")


@app.command("restore")
def restore_version(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The id of a version: see `history`.")],
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    yes: Yes = False,
) -> None:
    """Make an earlier version of the stack's state the newest; what is there now stays a version as well."""
    target = capture.of_stack(cwd, stack)
    kept = history.History(cwd, stack)
    done = kept.restore(version)
    state = done.version.content.state if done.version.content else StackState()
    aws = run.proven(Aws(target.region), target, _file(cwd, stack), state)
    done = kept.restore(version, aws) if yes else done
    then, now = done.version.label, done.before.label
    if not done.is_needed:
        give(f"the newest version is the same as {version} ({then}): nothing to do")
    elif not yes:
        give(f"would make {version} ({then}) the newest version of {stack}'s state (now {now}); --yes does it")
    else:
        give(f"{version} ({then}) is the newest version of {stack}'s state, as {done.new_id}; before: {now}")
    for pending in done.version.pending:
        give(f"a run was killed at {pending}: the next `run --yes` needs --recover")


@app.command("issue")
def write_issue(
    destroy: Annotated[str, typer.Option(help="The result of the job that destroys.")],
    watchdog: Annotated[str, typer.Option(help="The result of the job that looks for an old cluster.")],
    stack: Stack = STACK,
    kept: Annotated[str, typer.Option(help="true if the nightly teardown was skipped on purpose.")] = "",
    told: Annotated[
        str, typer.Option("--report", envvar="REPORT", help="The output `report` of the job that failed.")
    ] = "",
    cwd: Cwd = HERE,
) -> None:
    """Open or update the issue of a failed nightly teardown; close it after a successful one."""
    failed = {job: result for job, result in (("destroy", destroy), ("watchdog", watchdog)) if issue.is_bad(result)}
    night = issue.Night(stack, failed, ended_well=destroy == issue.SUCCESS and kept != "true")
    give(issue.report(night, issue.read(told), Reader.of(cwd, stack)))


def _file(cwd: Path, stack: str) -> Path:
    return cwd / ".teardown" / f"{stack}.json"


def _target(cwd: Path, stack: str, vpc: str) -> Target:
    """The cluster, with the VPC that was given, or that the state or the captured file has."""
    target = capture.of_stack(cwd, stack)
    path = _file(cwd, stack)
    try:
        known = capture.state_of(cwd, stack).vpc_id
    except UnknownError:
        known = ""
    captured = capture.read(path) if path.exists() else target
    vpc_id = capture.vpc_of(vpc, known) or captured.vpc_id
    return replace(target, vpc_id=vpc_id, persistent_volumes=captured.persistent_volumes)


def _proven(cwd: Path, stack: str, vpc: str) -> tuple[Proven, Target, StackState]:
    """Clients that may write, the target with its VPC, and the state. Raises FleetError: nothing may be written."""
    target, state = _target(cwd, stack, vpc), capture.state_of(cwd, stack)
    return run.proven(Aws(target.region), target, _file(cwd, stack), state), target, state


def _dry(options: run.Options) -> Report:
    """What a night would do."""
    aws, target, state = _proven(options.folder, options.stack, options.vpc)
    cluster, why = aws.cluster()
    target = retained_volumes.retained(target, retained_volumes.read(cluster)) if cluster else target
    found = sweep.plan(aws, target, state.listed)
    notes = [why] if cluster is None else drain.preview(cluster)
    return Report(
        is_dry=True,
        title=f"dry run: would destroy {target.cluster}: {_many(found.doomed)} left by controllers, and the "
        f"{len(state.resources)} resources in the stack's state. Run it again with --yes",
        good=not found.findings.unknown,
        plan=[[report.row(each) for each in step] for step in found.steps],
        kept=[report.row(each) for each in found.findings.kept],
        blocking=report.blockers(found.findings.blocking),
        unknown=found.findings.unknown,
        notes=notes,
    )


def _of_verdict(cluster: str, verdict: verify.Verdict, failed: Collection[str] = ()) -> Report:
    return Report(
        title=verdict.line(cluster),
        good=verdict.clean,
        is_up=verdict.is_up,
        left=report.rows(verdict.left, verdict.listed, failed),
        kept=[report.row(each) for each in verdict.kept],
        blocking=report.blockers(verdict.blocking),
        unknown=verdict.unknown,
        in_state=verdict.in_state,
        notes=[*(record.note for record in verdict.records), *report.elsewhere(verdict.elsewhere)],
    )


def _of_night(night: run.Night, progress: Progress, notes: list[str]) -> Report:
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
        interrupted=progress.interrupted,
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
    return verify.resources([each.monthly for each in leftovers])


def _end(told: Report, reader: Reader, *, json: bool) -> None:
    """Say it, and end with the exit code that fits."""
    if json:
        give_json(told.document)
    for line in told.lines():
        tell(line, beside_json=json)
    summary.write(told.to_markdown(reader))
    if not told.good:
        summary.outputs(report=told.output)
    if told.failure:
        console.fail(f"teardown: {told.failure}")
    else:
        tell(told.verdict, beside_json=json)
    raise typer.Exit(told.exit_code)
