"""`fleet acceptance`."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common import world
from common.aws import Aws
from common.console import Console, Line, Sign, give_json, tell
from common.errors import INTERRUPTED, CannotRunError
from common.pulumi import runner
from common.pulumi.exported_state import StackState, parse
from common.target import prove
from fleet.options import HERE, STACK, Cwd, Json
from permanent.preflight import check
from permanent.preflight.verdict import Verdict
from sandbox.acceptance import day, plan, reference, report
from sandbox.acceptance.redaction import Redaction
from sandbox.checkout import Checkout
from sandbox.options import More

if TYPE_CHECKING:
    from common.target import Proven
    from sandbox.acceptance.day import Day
    from sandbox.acceptance.plan import Plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


@app.command()
def run_acceptance(
    more: More = None,
    cwd: Cwd = HERE,
    like: Annotated[str, typer.Option("--like", help="The stack whose settings the day takes.")] = STACK,
    account_file: Annotated[
        Path | None,
        typer.Option("--account-file", help="The permanent layer's config.", show_default="that of the checkout"),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where it works.", show_default=f"{plan.FOLDER} in the checkout")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--report", help="The file for a bug report.", show_default="report.txt in that folder"),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the account's id.")] = False,
    as_json: Json = False,
) -> None:
    """Build a day on a real account, destroy it, and report what differs from the embedded account. It costs money.

    It says what it costs first, and asks. A stack of its own, `acceptance`, is built by the checkout's program with the
    settings of another stack, and is always destroyed at the end. The report lists the properties that differ, the
    calls that the deploy role lacked, how long each resource took, and what was left. Its file has no secret and no
    account id. What follows `--` goes to `fleet teardown run`.

    Exits 0 if nothing differs, 1 if something does or failed, 2 if it cannot run: then nothing was changed.

    Credentials: AWS's from the environment; GitHub's from FLUX_GITHUB_TOKEN, without which Flux is left out.
    """
    world.refuse_other_world()
    checkout = Checkout(cwd)
    root = (folder or cwd / plan.FOLDER).resolve()
    wanted = plan.of(checkout, account_file or checkout.permanent_file, root, like, os.environ)
    for line in wanted.lines(datetime.now(UTC).date()):
        _say(line)
    if not yes and not sys.stdin.isatty():
        raise CannotRunError("there is no terminal to ask for the account's id: --yes does it. Nothing was changed")
    aws = _proven(wanted)
    _say("if it is killed, clean up with:")
    console.print(Line(Sign.NEXT, wanted.clean_up))
    if not yes:
        _ask(wanted)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    wanted.write()
    _say("building the same in an embedded account, to compare with")
    told = reference.state(wanted, _say)
    done = day.run(wanted, aws, more or (), _say)
    _report(wanted, done, told, file or wanted.root / "report.txt", as_json=as_json)
    if done.signals:
        raise typer.Exit(INTERRUPTED)


def _proven(wanted: Plan) -> Proven:
    """Prove the account, and that nothing of the stack is there.

    Raises:
        FleetError: it is another account, it is not prepared, or the stack or its cluster is there.
    """
    if shutil.which("pulumi") is None:
        raise CannotRunError(runner.MISSING)
    aws = prove(Aws(wanted.settings.region), wanted.target, StackState())
    if aws.status:
        raise CannotRunError(
            f"the cluster {wanted.settings.cluster_name} exists ({aws.status}). If an earlier run has left it, "
            f"clean up with: {wanted.clean_up}"
        )
    found = check.run(aws, wanted.layer, {wanted.stack: wanted.settings}, datetime.now(UTC).date())
    for line in found.of(Verdict.UNKNOWN):
        for shown in line.shown:
            console.print(shown)
    if bad := found.of(Verdict.BAD):
        problems = "\n".join(f"{line.subject}: {line.says}. {line.remedy}" for line in bad)
        raise CannotRunError(f"the account is not ready, and nothing was changed:\n{problems}")
    if day.exists(aws, wanted):
        raise CannotRunError(
            f"the stack {wanted.stack} exists in {wanted.backend}. Clean up what an earlier run has left with: "
            f"{wanted.clean_up} && {wanted.forget}"
        )
    return aws


def _ask(wanted: Plan) -> None:
    account = wanted.settings.account_id
    typed = typer.prompt(
        f"Type the account's id to build and destroy this in {account}", default="", show_default=False
    )
    if typed != account:
        raise CannotRunError("that is another id. Nothing was changed")


def _report(wanted: Plan, done: Day, told: str, file: Path, *, as_json: bool) -> None:
    """Print the report, write its file, and end with what fits."""
    if not done.is_clean:
        _say("not verified that nothing is left, and what is left costs money. Run:")
        console.print(Line(Sign.NEXT, wanted.clean_up))
    authority = parse(done.state).identity.authority if done.state else ""
    redaction = Redaction.of(wanted.settings.account_id, os.environ, {*done.secrets, authority})
    made = report.redacted(report.of(wanted, done, told), redaction)
    if as_json:
        give_json(made.document)
    for line in report.lines(made):
        tell(line, beside_json=as_json)
    report.write(file, made, redaction)
    _say(f"the report is in {file}: it holds no secret and no account id, and can be sent")
    if not made.is_same:
        raise typer.Exit(INTERRUPTED if done.signals else 1)


def _say(line: str) -> None:
    console.print(f"acceptance: {line}")
