"""`fleet account`: the permanent layer of one AWS account."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

import infra.settings
from common import summary
from common.aws import Aws
from common.console import Console, Line, Sign, give, give_json, tell
from common.errors import CannotRunError
from fleet.options import HERE, Cwd, Json, Yes
from infra.config import file_name
from infra.contract import names
from infra.stack_file import config_of
from permanent import github_check, github_setup
from permanent.apply import Layer, apply, public_signing_key
from permanent.preflight import check
from permanent.preflight.verdict import Verdict
from permanent.settings import NOBODYS, parse_file

if TYPE_CHECKING:
    from pathlib import Path

    from permanent.preflight.verdict import Report
    from permanent.settings import Settings

HELP = """Account-level resources that survive the nightly teardown: the state bucket, ECR, GitHub's roles, log \
groups, secrets, a budget. Apply them once per account, as an administrator."""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

PROJECT = "permanent"
"""The folder of the layer's Pulumi project in a checkout."""


@app.command("check")
def check_account(
    stack: Annotated[
        str | None,
        typer.Option("--stack", help="The stack to check.", show_default="every stack of the checkout"),
    ] = None,
    cwd: Cwd = HERE,
    *,
    as_json: Json = False,
) -> None:
    """Ask the account, before a rebuild, what a rebuild would meet there; change nothing. Exits 1 if a line is bad.

    Each line is good, bad with a remedy, or unknown with what is missing, such as a permission. Unknown is not bad.
    """
    report = _checked(_layer(cwd).settings, cwd, [stack] if stack else _stacks(cwd))
    if as_json:
        give_json(report.json)
    for shown in (*(shown for line in report.lines for shown in line.shown), report.conclusion):
        tell(shown, beside_json=as_json)
    rows = [(line.verdict, line.subject, line.says, line.remedy) for line in report.lines]
    worse = [row for row in rows if row[0] is not Verdict.GOOD]
    summary.write("\n".join(summary.table(("verdict", "subject", "found", "remedy"), worse)))
    if report.of(Verdict.BAD):
        raise typer.Exit(1)


@app.command("apply")
def apply_layer(cwd: Cwd = HERE, *, yes: Yes = False) -> None:
    """Check the account, show what would change, ask, and apply it. It is safe to run again after an interruption."""
    layer = _layer(cwd)
    _refuse_bad(_checked(layer.settings, cwd, _stacks(cwd), is_layer_asked=False))
    done = apply(layer, confirm=None if yes else lambda missing: _confirm(layer.settings, missing), say=_say)
    if not done:
        raise typer.Exit(0 if sys.stdin.isatty() else 1)
    if layer.settings.alarm_email.endswith(NOBODYS):
        _say(
            f"{layer.settings.alarm_email} receives no mail: set {names.PERMANENT_PROJECT}:alarmEmail, and apply again"
        )
    _say(f"commit {layer.stack_file.name} if it changed; then tell GitHub what follows")
    _github(layer)


@app.command("github")
def print_github_commands(
    cwd: Cwd = HERE,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Ask GitHub, with the token of gh, what is not as it must be.")
    ] = False,
) -> None:
    """Print the commands that configure GitHub for the account."""
    layer = _layer(cwd)
    if not check:
        _github(layer)
        return
    points = github_check.check(layer.settings, github_check.token())
    give(*(point.line for point in points))
    wrong = [point for point in points if point.problem]
    if commands := dict.fromkeys(point.remedy for point in wrong if point.remedy):
        give("", *(Line(Sign.NEXT, command) for command in commands))
    raise typer.Exit(1 if wrong else 0)


def _layer(cwd: Path) -> Layer:
    project = cwd / PROJECT
    return Layer(project, parse_file(config_of(project / f"Pulumi.{names.PERMANENT_STACK}.yaml")))


def _stacks(cwd: Path) -> list[str]:
    """The stacks whose files are in a checkout."""
    return sorted(path.name.split(".")[1] for path in cwd.glob(file_name("*")))


def _checked(settings: Settings, cwd: Path, stacks: list[str], *, is_layer_asked: bool = True) -> Report:
    files = {stack: infra.settings.parse_file(config_of(cwd / file_name(stack)), stack) for stack in stacks}
    today = datetime.now(UTC).date()
    return check.run(Aws(settings.region), settings, files, today, is_layer_asked=is_layer_asked)


def _refuse_bad(report: Report) -> None:
    """Say what is not good. What is bad for a stack does not keep the permanent layer from being applied.

    Raises:
        CannotRunError: something is bad that the permanent layer itself needs.
    """
    for line in report.lines:
        if line.verdict is not Verdict.GOOD:
            for shown in line.shown:
                _say(str(shown))
    for line in report.of(Verdict.BAD):
        if line.subject in check.OF_THE_LAYER:
            raise CannotRunError(f"{line.subject}: {line.says}. Nothing was applied: {line.remedy}")


def _github(layer: Layer) -> None:
    give(*github_setup.commands(layer.settings).splitlines())
    give(
        "# a signing key of the account that owns the token (GitHub: settings, SSH and GPG keys), public",
        f"# {public_signing_key(layer)} {names.PROJECT}",
    )


def _confirm(settings: Settings, missing: list[str]) -> bool:
    for name in missing:
        _say(f"would generate the secret {name}")
    if not sys.stdin.isatty():
        _say("a dry run: nothing was changed; --yes applies it")
        return False
    typed = typer.prompt(
        f"Type the account's id to apply this to {settings.account_id}", default="", show_default=False
    )
    if typed != settings.account_id:
        _say("nothing was changed")
        return False
    return True


def _say(line: str) -> None:
    console.print(f"account: {line}")
