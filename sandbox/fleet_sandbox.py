"""`fleet sandbox`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from common.console import Console, Line, Sign, give_json, tell
from common.errors import CannotRunError
from common.pulumi import foreground
from fleet.options import HERE, STACK, Cwd, Json, Stack
from sandbox import capacity, rehearsal, rehearsed_teardown
from sandbox.account import faults, operations, process, strangers
from sandbox.checkout import Checkout
from sandbox.cluster import fleet_sandbox_cluster
from sandbox.day import fleet_sandbox_rehearse
from sandbox.folder import CODE
from sandbox.options import More, Where, folder_of

HELP = """Run the whole lifecycle on this machine against an embedded AWS account. No credentials.

The real Pulumi engine runs the real program against an embedded AWS account (moto and an overlay) through a stand-in \
for pulumi-aws. It shows order, edges, refusals and the program's own code; it does not show pulumi-aws' validation, \
defaults and diffs.

One account lives in the sandbox folder until `reset`. The first command that needs it starts it, later ones share it.

What follows `--` goes to pulumi: fleet sandbox preview -- --diff
"""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(fleet_sandbox_cluster.app, name="cluster")
app.command("rehearse", help=fleet_sandbox_rehearse.HELP)(fleet_sandbox_rehearse.rehearse)
console = Console()

StackFile = Annotated[Path | None, typer.Option("--stack-file", help="Another file with the stack's config.")]
AccountFile = Annotated[
    Path | None,
    typer.Option("--account-file", help="The permanent layer's config.", show_default="that of the checkout"),
]
Command = Annotated[list[str], typer.Argument(help="The command, after --.", metavar="-- COMMAND...")]

OPERATIONS = {
    "preview": (["preview"], "Show what an update would do. Nothing is changed, and no cluster is needed."),
    "up": (["up", "--yes"], "Build the stack in the embedded account, or bring it up to date, without asking."),
    "refresh": (
        ["refresh", "--yes"],
        "Compare the state with what is in the account, and write down what differs, without asking.",
    ),
    "destroy": (["destroy", "--yes"], "Take the stack down in the embedded account, without asking."),
    "outputs": (["stack", "output"], "Print the outputs of the stack; `-- --json` for programs."),
}
"""Command → the arguments of pulumi that it stands for, and what it does."""


NEXT = {
    "preview": "fleet sandbox up",
    "up": "fleet sandbox cluster up, or fleet sandbox leftovers and then fleet sandbox teardown -- run",
    "destroy": "fleet sandbox up, or fleet sandbox reset",
}
"""Command → what a person may do once it went well."""

RECOVER = "fleet sandbox teardown -- run --yes --recover   # if a killed run holds the stack: pulumi says locked"
"""What frees the lock of a run that is gone, and takes away what it was making."""


@app.callback()
def end_cleanly() -> None:
    """Let SIGTERM and SIGHUP do what Ctrl-C does: what is half done is cleared away on the way out."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))


def _add(name: str, arguments: list[str], text: str) -> None:
    """Add a command of pulumi's."""

    @app.command(name, help=text)
    def run_pulumi(  # pyright: ignore[reportUnusedFunction]
        more: More = None,
        cwd: Cwd = HERE,
        folder: Where = None,
        stack: Stack = STACK,
        stack_file: StackFile = None,
        account_file: AccountFile = None,
    ) -> None:
        code = _prepare(cwd, folder, stack, stack_file, account_file).pulumi(*arguments, *(more or ()))
        if code == 0 and name in NEXT:
            console.print(Line(Sign.NEXT, NEXT[name]))
        if code != 0 and name != "outputs":
            console.print(Line(Sign.NEXT, RECOVER))
        raise typer.Exit(code)


for _name, (_arguments, _text) in OPERATIONS.items():
    _add(_name, _arguments, _text)


@app.command("capacity")
def show_capacity(
    cwd: Cwd = HERE, stack: Stack = STACK, stack_file: StackFile = None, *, as_json: Json = False
) -> None:
    """Compare what all workloads ask for with what the stack's nodes offer, and one node less. Starts nothing."""
    checkout = Checkout(cwd)
    there = capacity.nodes(rehearsal.read_settings(stack, stack_file or checkout.stack_file(stack)))
    with console.status("building what Flux applies"):
        pods = capacity.workloads(checkout, console.print)
    found = capacity.answers(pods, there)
    if as_json:
        give_json({"workloads": [vars(each) for each in pods], "answers": [each.document for each in found]})
    tell(capacity.table(pods, len(there)), beside_json=as_json)
    for each in found:
        tell(Line(Sign.of(each.fit.is_good), str(each)), beside_json=as_json)
    raise typer.Exit(0 if all(each.fit.is_good for each in found) else 1)


@app.command("exec")
def execute(
    command: Command,
    cwd: Cwd = HERE,
    folder: Where = None,
    stack: Stack = STACK,
    stack_file: StackFile = None,
    account_file: AccountFile = None,
) -> None:
    """Run any command with the environment of the embedded account: every AWS SDK in it talks to that account."""
    raise typer.Exit(_prepare(cwd, folder, stack, stack_file, account_file).execute(command, Path.cwd()))


@app.command()
def leftovers(
    cwd: Cwd = HERE,
    folder: Where = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many applications left something.")] = 1,
    with_strangers: Annotated[
        bool,
        typer.Option("--strangers", help="Also resources of others, which the teardown must keep; some block the VPC."),
    ] = False,
) -> None:
    """Create sample leftovers: what Kubernetes' controllers leave in AWS for the stack's cluster."""
    account = process.find(folder_of(cwd, folder))
    if account is None:
        raise CannotRunError("there is no embedded account: run `fleet sandbox up`")
    cluster = rehearsal.read_settings(STACK, Checkout(cwd).stack_file(STACK)).cluster_name
    for line in strangers.everything(account, cluster, seed, count, with_strangers=with_strangers).lines():
        _say(line)


@app.command()
def fault(
    cwd: Cwd = HERE,
    folder: Where = None,
    code: Annotated[
        str, typer.Option(help=f"AWS's error code, such as AccessDenied; {faults.RESET}; nothing: only the latency.")
    ] = "",
    service: Annotated[str, typer.Option(help="Service as in request signatures, e.g. ec2 (glob).")] = "*",
    operation: Annotated[str, typer.Option(help="Operation, e.g. DeleteVpc (glob).")] = "*",
    after: Annotated[int, typer.Option(min=0, help="Let this many matching calls succeed first.")] = 0,
    times: Annotated[int, typer.Option(help="How many calls fail; -1: all.")] = -1,
    latency: Annotated[float, typer.Option(min=0, help="Seconds to delay each answer.")] = 0.0,
    replace: Annotated[
        tuple[str, str], typer.Option(help="What to replace in each answer: a regular expression, and the new text.")
    ] = ("", ""),
    clear: Annotated[bool, typer.Option("--clear", help="Remove all faults.")] = False,
) -> None:
    """Make AWS calls fail, until --clear. The sandbox's own calls do not. Exits 2 if no call can match."""
    rules = [] if clear else [faults.Rule(code, service, operation, after, times, latency, *replace)]
    for why in filter(None, map(operations.mistake, rules)):
        raise CannotRunError(why)
    faults.write(folder_of(cwd, folder).faults, rules)
    _say("no call fails" if clear else f"{service}:{operation} gives {code or 'its answer'}, {latency:g} s late")


@app.command()
def teardown(
    more: More = None,
    cwd: Cwd = HERE,
    folder: Where = None,
    stack: Stack = STACK,
    stack_file: StackFile = None,
    account_file: AccountFile = None,
) -> None:
    """Run `fleet teardown` on the account with the deploy role, as the nightly workflow does: -- run, sweep, verify."""
    ready = _prepare(cwd, folder, stack, stack_file, account_file)
    raise typer.Exit(
        foreground.run(rehearsed_teardown.command(ready, more or ()), rehearsed_teardown.environment(ready), CODE)
    )


@app.command()
def reset(cwd: Cwd = HERE, folder: Where = None) -> None:
    """End the embedded account and remove everything that the sandbox wrote."""
    found = folder_of(cwd, folder)
    there = rehearsal.reset(found)
    _say(f"{found.root} is empty" if there else f"{found.root} was empty already")


def _prepare(
    cwd: Path, folder: Path | None, stack: str, stack_file: Path | None, account_file: Path | None
) -> rehearsal.Rehearsal:
    found = folder_of(cwd, folder)
    return rehearsal.prepare(found, Checkout(cwd), _say, stack=stack, file=stack_file, permanent_file=account_file)


def _say(line: str) -> None:
    console.print(f"sandbox: {line}")
