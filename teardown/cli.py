"""`python -m teardown`."""

from __future__ import annotations

import json as encoding
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bootstrap import guard
from bootstrap.errors import BootstrapError
from bootstrap.progress import Progress
from infra.commands import actions
from teardown import capture as capturing
from teardown import drain as draining
from teardown import issue as issues
from teardown import keep as keeping
from teardown import policy as policies
from teardown import report
from teardown import run as running
from teardown import sweep as sweeping
from teardown import verify as verifying
from teardown.aws import Aws
from teardown.errors import TeardownError, UnknownError
from teardown.report import Report
from teardown.target import Target

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
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)

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
    yes: Yes = False,  # noqa: FBT002  # a flag
    force: Annotated[bool, typer.Option("--force", envvar="FORCE", help="Go on after a drain that failed.")] = False,  # noqa: FBT002
    recover: Annotated[  # noqa: FBT002
        bool, typer.Option("--recover", help="Free the lock and settle what a killed run was at, after showing it.")
    ] = False,
    keep_until: Annotated[
        str, typer.Option("--keep-until", envvar=keeping.VARIABLE, help="Skip the night until then: see `keep`.")
    ] = "",
    clear: Annotated[float, typer.Option(min=0, help="Seconds that finalizers and AWS may take.")] = DEADLINES.clear,
    settle: Annotated[float, typer.Option(min=0, help="Seconds that Flux may take to stop.")] = DEADLINES.settle,
    deadline: Deadline = 600.0,
    reads: Reads = verifying.READS,
    pause: Pause = verifying.PAUSE,
    json: Json = False,  # noqa: FBT002
) -> None:
    """The night: capture, drain, sweep, pulumi destroy, sweep, verify. Without --yes it shows what it would do."""
    kept, why = keeping.holds(keep_until, datetime.now(UTC))
    if why:
        console.print(why)
    actions.outputs(kept=str(kept).lower())
    if kept:
        _end(Report(title=f"tonight {stack} stays: {why}", good=True), json=json)
    options = running.Options(
        cwd,
        stack,
        _file(cwd, stack),
        force=force,
        recover=recover,
        deadlines=draining.Deadlines(settle, clear),
        sweep_deadline=deadline,
        reads=reads,
        pause=pause,
    )
    target = capturing.of_stack(cwd, stack)
    aws = Aws(target.region)
    if not yes:
        _end(_dry(aws, options), json=json)
    progress = Progress(console)

    def interrupt(*_arguments: object) -> None:
        progress.interrupted = True
        console.print("stopping after this step; the same command goes on from there")

    signal.signal(signal.SIGINT, interrupt)
    night = running.run(aws, options, progress)
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
    target = _target(cwd, stack, "")
    aws = Aws(target.region)
    cluster, why = draining.find(aws, target)
    if cluster is None:
        console.print(f"{why}: nothing to drain; `sweep` does it all")
        return
    if not yes:
        console.print(f"would suspend all of Flux in {target.cluster} and delete:")
        for line in draining.preview(cluster):
            console.print(f"  {line}")
        return
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
    deadline: Deadline = 600.0,
    json: Json = False,  # noqa: FBT002
) -> None:
    """Show what controllers left, in the order in which it would be deleted; --yes deletes it."""
    target = _target(cwd, stack, vpc)
    aws = Aws(target.region)
    found = sweeping.plan(aws, target, capturing.state_of(cwd, stack).listed)
    rows = [report.row(each) for each in found.doomed]
    kept = [report.row(each) for each in found.kept]
    notes = [f"in the VPC, {each.claim}, and left alone: {each.kind} {each.label}" for each in found.findings.strangers]
    unknown = found.findings.unknown
    if not yes:
        title = f"would delete {len(rows)} things of {target.cluster}"
        _end(Report(title=title, good=not unknown, left=[*rows, *kept], unknown=unknown, notes=notes), json=json)
    outcome = sweeping.sweep(aws, found, deadline, console.print)
    failed = [f"{label}: {why}" for label, why in outcome.failed.items()]
    swept = [report.row(each) for each in outcome.deleted]
    title = f"deleted {len(swept)} things of {target.cluster}"
    _end(
        Report(title=title, good=outcome.good, swept=swept, left=kept, unknown=[*unknown, *failed], notes=notes),
        json=json,
    )


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
        _end(
            Report(title=wrong or f"no cluster of {stack} is older than {watchdog:g} hours", good=not wrong), json=json
        )
    verdict = verifying.verify(aws, target, lambda: capturing.state_of(cwd, stack), reads=reads, pause=pause)
    _end(_of_verdict(target.cluster, verdict), json=json)


@app.command()
def policy(
    account: Annotated[str, typer.Option("--account", help="The AWS account.")],
    region: Annotated[str, typer.Option("--region", help="Its region.")],
    cluster: Annotated[list[str], typer.Option("--cluster", help="A cluster; again for more.")],
) -> None:
    """Print the policy documents that all of this needs, as the permanent layer's deploy role has them."""
    documents = {
        "probes": policies.probes(account, region),
        "leftovers": policies.leftovers(account, region, cluster),
        "owned": policies.owned(account, region, cluster),
    }
    typer.echo(encoding.dumps(documents, indent=2))


@app.command()
def keep(
    hours: Annotated[float, typer.Option(help="For how long, at most 24 hours from now.")] = 12.0,
) -> None:
    """Say how to skip the night: a variable of the repository that the nightly workflow reads."""
    value = keeping.until(hours, datetime.now(UTC))
    typer.echo(f"gh variable set {keeping.VARIABLE} --body {value}")


@app.command()
def when(stack: Stack = STACK) -> None:
    """Say when the night comes and how to skip it: for the summary of a rebuild."""
    value = keeping.until(12, datetime.now(UTC))
    lines = [
        f"`{stack}` is destroyed at 20:00 UTC (nightly-destroy.yml).",
        f"To keep it for 12 hours from now: `gh variable set {keeping.VARIABLE} --body {value}`",
    ]
    told = Report(title=f"the night of {stack}", good=True, notes=lines)
    report.write_summary(told)
    for line in lines:
        console.print(line)


@app.command()
def issue(
    destroy: Annotated[str, typer.Option(help="The result of the job that destroys.")],
    watchdog: Annotated[str, typer.Option(help="The result of the job that looks for an old cluster.")],
    stack: Stack = STACK,
    kept: Annotated[str, typer.Option(help="true if the night was skipped on purpose.")] = "",
) -> None:
    """Open or update the issue of a night that failed, close it after one that ended well."""
    console.print(issues.report(stack, destroy, watchdog, kept=kept == "true"))


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
    captured = capturing.read(path).vpc_id if path.exists() else ""
    return Target(target.account_id, target.region, target.cluster, stack, vpc or known or captured)


def _dry(aws: Aws, options: running.Options) -> Report:
    """What a night would do."""
    target = _target(options.folder, options.stack, "")
    cluster, why = draining.find(aws, target)
    state = capturing.state_of(options.folder, options.stack)
    found = sweeping.plan(aws, target, state.listed)
    notes = [why] if cluster is None else draining.preview(cluster)
    return Report(
        title=f"would destroy {target.cluster}: drain, sweep, {len(state.listed)} names in the state; --yes does it",
        good=not found.findings.unknown,
        left=[report.row(each) for each in found.doomed],
        unknown=found.findings.unknown,
        notes=notes,
    )


def _of_verdict(cluster: str, verdict: verifying.Verdict) -> Report:
    notes = [f"in the VPC, {each.claim}, and left alone: {each.kind} {each.label}" for each in verdict.strangers]
    title = f"nothing of {cluster} is left" if verdict.clean else f"it is not sure that nothing of {cluster} is left"
    left = [report.row(each, verdict.in_state) for each in verdict.left]
    return Report(
        title=title, good=verdict.clean, left=left, unknown=verdict.unknown, in_state=verdict.in_state, notes=notes
    )


def _of_night(night: running.Night, progress: Progress, notes: list[str]) -> Report:
    drained = night.drained
    if night.adoption:
        notes = [*notes, *(f"recovered: {line}" for line in night.adoption.lines)]
    if drained:
        notes = [*notes, f"drain: {drained.outcome}", *(f"stuck: {each}" for each in drained.stuck)]
        notes += [f"went with the sweep, because a pod mounted it: {each}" for each in drained.mounted]
    seen = _of_verdict(night.target.cluster, night.verdict) if night.verdict else None
    return Report(
        title=seen.title if seen else f"the night of {night.target.cluster} did not end",
        good=night.good,
        steps=progress.steps,
        failure=night.failure,
        left=seen.left if seen else (),
        swept=[report.row(each) for each in night.swept],
        unknown=[*(seen.unknown if seen else ()), *(f"{label}: {why}" for label, why in night.failed.items())],
        in_state=seen.in_state if seen else (),
        notes=[*notes, *(seen.notes if seen else ())],
    )


def _end(told: Report, *, json: bool) -> None:
    """Say it, and end with the exit code that fits."""
    if json:
        typer.echo(told.to_json())
    for line in told.lines():
        console.print(line)
    report.write_summary(told)
    console.print(f"teardown: {told.failure or told.title}")
    raise typer.Exit(0 if told.good else 1)


def main() -> None:
    """Run a command; what stops it is said in one line."""
    try:
        guard.refuse_other_world()
        app()
    except (TeardownError, BootstrapError) as error:
        console.print(f"teardown: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("teardown: stopped; the same command goes on from here")
        sys.exit(130)
