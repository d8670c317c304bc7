"""The commands of the rehearsal."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bootstrap.errors import BootstrapError
from sandbox import night, permanent, rehearsal
from sandbox.account import faults, operations, process
from sandbox.account import strangers as leaving
from sandbox.cluster import cli as cluster
from sandbox.engine import run
from sandbox.errors import SandboxError
from sandbox.folder import REPOSITORY, Folder
from tools.errors import ToolError

HELP = """The whole day on this machine, with no AWS account and no credentials.

The real Pulumi engine runs the real program against an embedded AWS account (moto and an overlay) through a stand-in \
for pulumi-aws. It shows order, edges, refusals and the program's own code; it does not show pulumi-aws' validation, \
defaults and diffs.

One account lives in the sandbox folder until `reset`. The first command that needs it starts it, later ones share it.

What follows `--` goes to pulumi: python -m sandbox preview -- --diff
"""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False, soft_wrap=True)

Where = Annotated[Path, typer.Option("--folder", help="The sandbox folder.", show_default=".sandbox in the clone")]
Stack = Annotated[str, typer.Option("--stack", help="The stack, whose config is Pulumi.<stack>.yaml.")]
StackFile = Annotated[Path | None, typer.Option("--stack-file", help="Another file with the stack's config.")]
AccountFile = Annotated[
    Path, typer.Option("--account-file", help="The permanent layer's config.", show_default="that of the clone")
]
More = Annotated[list[str] | None, typer.Argument(help="What goes to pulumi, after --.", metavar="[-- ARGS...]")]
Command = Annotated[list[str], typer.Argument(help="The command, after --.", metavar="-- COMMAND...")]

HERE = REPOSITORY / ".sandbox"


@app.command()
def preview(
    more: More = None,
    folder: Where = HERE,
    stack: Stack = "staging",
    stack_file: StackFile = None,
    account_file: AccountFile = permanent.DEFAULT_FILE,
) -> None:
    """Show what an update would do. Nothing is changed, and no cluster is needed."""
    _pulumi(_prepare(folder, stack, stack_file, account_file), "preview", more)


@app.command()
def up(
    more: More = None,
    folder: Where = HERE,
    stack: Stack = "staging",
    stack_file: StackFile = None,
    account_file: AccountFile = permanent.DEFAULT_FILE,
) -> None:
    """Build the stack in the embedded account, or bring it up to date, without asking."""
    _pulumi(_prepare(folder, stack, stack_file, account_file), "up", ["--yes", *(more or ())])


@app.command()
def refresh(
    more: More = None,
    folder: Where = HERE,
    stack: Stack = "staging",
    stack_file: StackFile = None,
    account_file: AccountFile = permanent.DEFAULT_FILE,
) -> None:
    """Compare the state with what is in the account, and write down what differs, without asking."""
    _pulumi(_prepare(folder, stack, stack_file, account_file), "refresh", ["--yes", *(more or ())])


@app.command()
def destroy(
    more: More = None,
    folder: Where = HERE,
    stack: Stack = "staging",
    stack_file: StackFile = None,
    account_file: AccountFile = permanent.DEFAULT_FILE,
) -> None:
    """Take the stack down in the embedded account, without asking."""
    _pulumi(_prepare(folder, stack, stack_file, account_file), "destroy", ["--yes", *(more or ())])


@app.command()
def outputs(
    more: More = None,
    folder: Where = HERE,
    stack: Stack = "staging",
    stack_file: StackFile = None,
    account_file: AccountFile = permanent.DEFAULT_FILE,
) -> None:
    """Print the outputs of the stack; `-- --json` for programs."""
    _pulumi(_prepare(folder, stack, stack_file, account_file), "stack output", more)


@app.command("exec")
def execute(
    command: Command,
    folder: Where = HERE,
    stack: Stack = "staging",
    stack_file: StackFile = None,
    account_file: AccountFile = permanent.DEFAULT_FILE,
) -> None:
    """Run any command with the environment of the embedded account: every AWS SDK in it talks to that account."""
    raise typer.Exit(_prepare(folder, stack, stack_file, account_file).execute(command, Path.cwd()))


@app.command()
def leftovers(
    folder: Where = HERE,
    seed: Annotated[int, typer.Option(help="The same seed makes the same.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many applications left something.")] = 1,
    strangers: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option("--strangers", help="Also what is not the cluster's; some of it blocks the stack's VPC.")
    ] = False,
) -> None:
    """Make what Kubernetes' controllers leave in AWS for the stack's cluster."""
    account = process.find(Folder(folder.resolve()))
    if account is None:
        raise SandboxError("there is no embedded account: run `python -m sandbox up`")
    cluster = rehearsal.read_settings("staging", rehearsal.default_stack_file("staging")).cluster_name
    for line in leaving.everything(account, cluster, seed, count, with_strangers=strangers).lines():
        _say(line)


@app.command()
def fault(
    folder: Where = HERE,
    code: Annotated[
        str, typer.Option(help=f"AWS's error code, such as AccessDenied; {faults.RESET}; nothing: only the latency.")
    ] = "",
    service: Annotated[
        str, typer.Option(help="As in signatures, such as ec2 or elasticloadbalancing; a pattern.")
    ] = "*",
    operation: Annotated[str, typer.Option(help="Such as DeleteVpc; a pattern.")] = "*",
    after: Annotated[int, typer.Option(min=0, help="How many such calls go well before.")] = 0,
    times: Annotated[int, typer.Option(help="How many fail; -1: all from then on.")] = -1,
    latency: Annotated[float, typer.Option(min=0, help="Seconds before the answer.")] = 0.0,
    clear: Annotated[bool, typer.Option("--clear", help="No faults any more.")] = False,  # noqa: FBT002  # a flag
) -> None:
    """Let calls to the embedded account fail, until --clear. The sandbox's own calls do not; exit code 2: none can."""
    rules = [] if clear else [faults.Rule(code, service, operation, after, times, latency)]
    for why in filter(None, map(operations.mistake, rules)):
        console.print(f"sandbox: {why}", style="red", markup=False)
        raise typer.Exit(2)
    faults.write(Folder(folder.resolve()).faults, rules)
    _say("no call fails" if clear else f"{service}:{operation} gives {code or 'its answer'}, {latency:g} s late")


@app.command()
def teardown(
    more: More = None,
    folder: Where = HERE,
    stack: Stack = "staging",
    stack_file: StackFile = None,
    account_file: AccountFile = permanent.DEFAULT_FILE,
) -> None:
    """Run `python -m teardown` on the account, as the night does: with the deploy role; -- run, sweep, verify."""
    ready = _prepare(folder, stack, stack_file, account_file)
    raise typer.Exit(run.run(night.command(ready, more or ()), night.environment(ready), REPOSITORY))


@app.command()
def reset(folder: Where = HERE) -> None:
    """End the embedded account and remove everything that the sandbox wrote."""
    there = rehearsal.reset(Folder(folder.resolve()))
    _say(f"{folder} is empty" if there else f"{folder} was empty already")


def _target() -> cluster.Target:
    """What the clone's own config says of the cluster and the repository."""
    settings = rehearsal.read_settings("staging", rehearsal.default_stack_file("staging"))
    layer = permanent.read_settings(permanent.DEFAULT_FILE, settings)
    return cluster.Target(settings.cluster_name, layer.github_repository)


cluster.register(app, _target, lambda folder: _prepare(folder, "staging", None, permanent.DEFAULT_FILE))


def _pulumi(ready: rehearsal.Rehearsal, operation: str, more: list[str] | None) -> None:
    raise typer.Exit(ready.pulumi(*operation.split(), *(more or ())))


def _prepare(folder: Path, stack: str, stack_file: Path | None, account_file: Path) -> rehearsal.Rehearsal:
    config = stack_file or rehearsal.default_stack_file(stack)
    return rehearsal.prepare(Folder(folder.resolve()), stack, config, account_file, _say)


def _say(line: str) -> None:
    console.print(Text.assemble(("sandbox: ", "dim"), line))


def main() -> None:
    """Run a command; what a person can act on is one line and exit code 1."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # As Ctrl-C does: what is half done is cleared away on the way out.
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    try:
        app()
    except (SandboxError, ToolError, BootstrapError) as error:
        console.print(f"sandbox: {error}", style="red", markup=False)
        sys.exit(1)
