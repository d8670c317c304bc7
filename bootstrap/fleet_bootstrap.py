"""`fleet bootstrap`, which `python -m bootstrap` is too."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bootstrap import (
    access,
    config_map,
    eks_token,
    flux_cli,
    flux_settings,
    preflight,
    report,
    stack_outputs,
    status,
    user_kubeconfig,
)
from bootstrap.expectations import load as load_expectations
from bootstrap.preflight import Options
from bootstrap.run import Watch, run
from bootstrap.verify import Wanted
from common import timing, world
from common.console import Console, Line, Progress, Sign, give, give_json, tell
from common.errors import FleetError
from common.kubernetes.api import Cluster, UnansweredError
from fleet.options import HERE, STACK, Cwd, Json, Stack, Timings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.contract.outputs import StackOutputs

HELP = """From a fresh cluster to one that Flux owns, after `pulumi up`.

1. `plan` shows what `run` would do and refuses what cannot work. Safe: it touches nothing. Before `pulumi up` it says \
what is known without a cluster.

2. `run` does it: outputs, access, cluster health, ConfigMap and secrets, flux bootstrap github, verify. Every step \
can be done again; Ctrl-C stops after the step under way, and the same command goes on from there.

3. `verify`, `status` and `configmap --diff` look. Safe: they change nothing. `configmap` alone writes the ConfigMap.

`render` writes the files that flux would commit, for a pull request where main is protected. `kubeconfig` puts the \
cluster into your own kubeconfig, `token` is what kubectl asks then.

Credentials: AWS's from the environment; GitHub's from FLUX_GITHUB_TOKEN or GITHUB_TOKEN.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

Outputs = Annotated[
    str | None,
    typer.Option(
        help="What `pulumi stack output --json` printed: a file, or - for standard input.",
        show_default="from pulumi",
    ),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", help="How Flux is bootstrapped.", show_default=f"{flux_settings.FILE} there"),
]
Given = Annotated[
    Path | None,
    typer.Option("--kubeconfig", help="A kubeconfig whose current context is the cluster.", show_default="temporary"),
]
Expect = Annotated[Path | None, typer.Option("--expect", help="YAML file of checks to skip on this cluster.")]


@app.command("plan")
def show_plan(
    outputs: Outputs = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    settings: SettingsFile = None,
    kubeconfig: Given = None,
    expect: Expect = None,
    json: Json = False,
) -> None:
    """Show what `run` would do, and refuse what cannot work. Touches nothing."""
    options = Options(outputs, stack, cwd, settings or cwd / flux_settings.FILE, kubeconfig, expect)
    with console.status("asking pulumi, AWS and the Git host"):
        found, ready = preflight.check_before_up(options)
        in_cluster = _cluster_lines(options, found, ready) if found else [DOWN.format(stack=stack)]
    branch = ready.settings.branch
    lines = [
        *in_cluster,
        f"secrets: {', '.join(ready.secrets)} have a value",
        (
            f"flux bootstrap github by {ready.cli.name}: {ready.settings.repository}, branch {branch} "
            f"at {ready.head[:12]}, path {ready.settings.path}"
        ),
        f"controllers: {', '.join(ready.settings.all_components)}",
        f"would commit and push {', '.join(ready.changes)}" if ready.changes else "nothing to push",
        *(f"{branch}: {rule}, which the token's owner may bypass" for rule in ready.guard.passes),
        *(f"{branch}: {rule}: image updates will not be pushed" for rule in ready.guard.blocks),
        *(f"{branch}: {rule}, and whether this token may push is known at the push" for rule in ready.guard.unknown),
    ]
    told = report.Report(
        title="the plan", good=True, checks=[{"title": line, "done": True, "detail": ""} for line in lines]
    )
    if json:
        give_json(told.document)
    for line in lines:
        tell(line, beside_json=json)


DOWN = "the stack {stack} is not up: what a cluster has is not looked at"


def _cluster_lines(options: Options, outputs: StackOutputs, ready: preflight.Ready) -> list[str]:
    """What would change in the cluster, if it can be asked. Raises FleetError: it cannot take Flux."""
    lines = [f"cluster {outputs.cluster_name} at {outputs.cluster_endpoint}"]
    with access.private_kubeconfig(outputs, options.kubeconfig) as (_path, config):
        try:
            cluster = Cluster(config)
            preflight.refuse_cluster(cluster, ready.settings)
            changes = config_map.diff(config_map.current(cluster), outputs)
        except UnansweredError as error:
            return [*lines, f"ConfigMap: unknown: {error}"]
    return [*lines, *(f"ConfigMap: {change}" for change in changes or ["nothing to change"])]


@app.command("run")
def run_all(
    outputs: Outputs = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    settings: SettingsFile = None,
    kubeconfig: Given = None,
    expect: Expect = None,
    timings: Timings = None,
    json: Json = False,
) -> None:
    """Take the cluster to one that Flux owns and has reconciled."""
    if timings:
        timing.prepare(timings, "bootstrap")
    progress = Progress(console)
    _stop_between_steps(progress)
    told = run(Options(outputs, stack, cwd, settings or cwd / flux_settings.FILE, kubeconfig, expect), progress)
    if timings:
        timing.write_steps(timings, "bootstrap", progress.steps, console.print)
    _finish(told, json=json)


@app.command("verify")
def verify_cluster(
    outputs: Outputs = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    settings: SettingsFile = None,
    kubeconfig: Given = None,
    expect: Expect = None,
    json: Json = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all is well, or the deadline.")] = False,
) -> None:
    """Check that the cluster is fully bootstrapped and reconciled. Changes nothing."""
    world.refuse_other_world()
    chosen, expected = flux_settings.load(settings or cwd / flux_settings.FILE), load_expectations(expect)
    found = stack_outputs.read(outputs, stack=stack, project=cwd)
    seen, progress = Watch(), Progress(console)
    _stop_between_steps(progress)
    wanted = Wanted.of(chosen, (), expected.not_reconciled)
    failure = ""
    with access.private_kubeconfig(found, kubeconfig) as (_path, config):
        cluster = Cluster(config)
        try:
            if wait:
                seen.until(cluster, wanted, progress, chosen.deadlines.verify)
            else:
                with console.status(f"asking the cluster {found.cluster_name}"):
                    seen.once(cluster, wanted)
        except FleetError as error:
            failure = str(error)
            if not seen.looked:
                _finish(status.unreached(found.cluster_name, error), json=json)
    notes = [f"{', '.join(expected.not_reconciled)} are not checked here: {expected.why}"] if expected.why else []
    title = f"{found.cluster_name}: bootstrapped and reconciled"
    _finish(report.of_verdict(title, seen.verdict, seen.snapshot, failure=failure), json=json, notes=notes)


@app.command("status")
def show_status(
    outputs: Outputs = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    settings: SettingsFile = None,
    kubeconfig: Given = None,
    expect: Expect = None,
    json: Json = False,
) -> None:
    """Say what is wrong first, of a cluster in any state, or none. Changes nothing."""
    with console.status("asking pulumi, the cluster and the Git host"):
        state = status.look(Options(outputs, stack, cwd, settings or cwd / flux_settings.FILE, kubeconfig, expect))
    _finish(state.report, json=json, notes=state.notes)


@app.command("configmap")
def write_config_map(
    outputs: Outputs = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    kubeconfig: Given = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change, and change nothing.")] = False,
    json: Json = False,
) -> None:
    """Make the ConfigMap terraform-outputs what the stack's outputs are."""
    world.refuse_other_world()
    found = stack_outputs.read(outputs, stack=stack, project=cwd)
    with access.private_kubeconfig(found, kubeconfig) as (_path, config):
        cluster = Cluster(config)
        changes = config_map.diff(config_map.current(cluster), found) if diff else config_map.apply(cluster, found)
    lines = [str(change) for change in changes] or ["nothing differs" if diff else "nothing changed"]
    if json:
        checks = [{"title": change.key, "done": not diff, "detail": str(change)} for change in changes]
        give_json(report.Report(title="ConfigMap", good=not (diff and changes), checks=checks).document)
    for line in lines:
        tell(line, beside_json=json)
    raise typer.Exit(1 if diff and changes else 0)


@app.command("render")
def write_gotk_files(
    settings: SettingsFile = None,
    cwd: Cwd = HERE,
) -> None:
    """Write the gotk files that flux would commit: commit them in a pull request, and the bootstrap pushes nothing."""
    chosen = flux_settings.load(settings or cwd / flux_settings.FILE)
    for path, content in flux_cli.render(flux_cli.find(chosen), chosen).items():
        target = cwd / path
        target.parent.mkdir(parents=True, exist_ok=True)
        same = target.exists() and target.read_text("utf-8") == content
        if not same:
            user_kubeconfig.write(target, content, mode=0o644)
        give(f"{'as it is' if same else 'wrote'}: {target}")


@app.command("token")
def print_token(
    cluster: Annotated[str, typer.Option("--cluster", help="The EKS cluster.")],
    region: Annotated[str, typer.Option("--region", help="Its AWS region.")],
) -> None:
    """Print a token for a cluster, as kubectl wants it from an exec plugin."""
    world.refuse_other_world()
    give(eks_token.exec_credential(cluster, region))


@app.command("kubeconfig")
def write_kubeconfig(
    outputs: Outputs = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    path: Annotated[
        Path | None,
        typer.Option("--kubeconfig", help="The file to write.", show_default="$KUBECONFIG, or ~/.kube/config"),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help="The AWS profile of its tokens.", show_default="of kubectl's environment"),
    ] = None,
) -> None:
    """Put the stack's cluster into your kubeconfig, as the current context; what else is in it stays."""
    found = stack_outputs.read(outputs, stack=stack, project=cwd)
    target = path or user_kubeconfig.default_path()
    user_kubeconfig.merge(target, user_kubeconfig.build(found, profile))
    give(f"wrote {target}: the context {found.cluster_name} is now the current one")


def _stop_between_steps(progress: Progress) -> None:
    """The first Ctrl-C lets the step under way end, a second one ends at once."""

    def interrupt(_number: int, _frame: object) -> None:
        if progress.interrupted:
            raise KeyboardInterrupt
        progress.interrupted = True
        console.say_at_once("stopping after this step; once more to stop at once")

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)


def _finish(told: report.Report, *, json: bool, notes: Sequence[str] = ()) -> NoReturn:
    """Print a report and end with its code."""
    report.write_summary(told)
    if json:
        give_json(told.document)
    lines = told.lines()
    if told.good and not told.failure:
        served = " (emulated: nothing answers there)" if world.in_sandbox() else ""
        lines += [Line(Sign.DONE, told.title), *(f"the application: {url}{served}" for url in told.urls)]
        lines += report.next_steps()
    for line in [*lines, *notes]:
        tell(line, beside_json=json)
    if told.failure:
        console.fail(f"bootstrap: {told.failure}")
    raise typer.Exit(0 if told.good else 1)
