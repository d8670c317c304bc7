"""The app behind `fleet`, whose groups are loaded by name; the one place that turns an error into an exit code."""

from __future__ import annotations

import difflib
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from common.console import Console, Line, Sign
from common.errors import INTERRUPTED, CannotRunError, FleetError
from fleet.groups import GROUPS

HELP = "A staging platform on EKS that is built by day and costs nothing by night."
QUIET = ("-q", "--quiet")

_BY_NAME = {group.name: group for group in GROUPS}


class Fleet(TyperGroup):
    """The groups, each a command that is not loaded before it is called.

    What is Any here is of the click that typer has a private copy of.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Name them, in the order of their first use."""
        return list(_BY_NAME)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Load one; None if there is none of that name."""
        group = _BY_NAME.get(cmd_name)
        return group.load() if group else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the list of groups, none of which is loaded for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(group.name, group.help) for group in GROUPS])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; a misspelt one is answered with the nearest, also of the groups that are not loaded."""
        try:
            return super().resolve_command(ctx, args)
        except TyperException as error:
            nearest = difflib.get_close_matches(args[0], _BY_NAME, n=1)
            error.message = f"No such command {args[0]!r}." + (f" Did you mean {nearest[0]!r}?" if nearest else "")
            raise

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take -q, wherever it stands before `--`: what follows that is another program's."""
        end = args.index("--") if "--" in args else len(args)
        Console.is_quiet = any(each in QUIET for each in args[:end])
        try:
            return super().parse_args(ctx, [*(each for each in args[:end] if each not in QUIET), *args[end:]])
        except TyperException as error:
            _refuse(ctx, error)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what a person can act on is said in a line, with a non-zero exit code."""
        try:
            return super().invoke(ctx)
        except FleetError as error:
            Console().fail(f"{ctx.invoked_subcommand}: {error}")
            ctx.exit(error.exit_code)
        except TyperException as error:
            _refuse(ctx, error)
        except KeyboardInterrupt:
            Console().print(f"{ctx.invoked_subcommand}: stopped; the same command goes on from here")
            ctx.exit(INTERRUPTED)


def _refuse(ctx: Any, error: TyperException) -> NoReturn:
    """Say what was used wrongly, and where its help is. A group that is called alone shows its help."""
    if type(error).__name__ == "NoArgsIsHelpError":  # typer keeps the class to itself
        raise error
    context = getattr(error, "ctx", None)
    used = context.command_path if context else f"fleet {ctx.invoked_subcommand or ''}".rstrip()
    Console().fail(f"{used.removeprefix('fleet ')}: {error.format_message()}")
    Console().print(Line(Sign.NEXT, f"{used} --help"))
    raise typer.Exit(CannotRunError.exit_code)


app = typer.Typer(
    cls=Fleet,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:  # noqa: FBT001  # Typer's callback
    if asked:
        typer.echo(f"fleet {version('infra-fleet')}")  # noqa: TID251  # our own text
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_say_version, is_eager=True)
    ] = False,
    _quiet: Annotated[
        bool, typer.Option(*QUIET, help="Show results and errors, no progress; with any command, wherever it stands.")
    ] = False,
) -> None:
    """Declare the options of every command, which the class takes."""


def main(arguments: list[str] | None = None) -> None:
    """Run `fleet`, and exit.

    Args:
        arguments: what follows the command's name; None: those of this process.
    """
    if arguments is None:
        Line.program = _typed(Path(sys.argv[0]))
    app(args=sys.argv[1:] if arguments is None else arguments, prog_name="fleet")


def _typed(called: Path) -> str:
    """What this shell finds `fleet` as, by the path of the script that it called."""
    if shutil.which("fleet"):
        return "fleet"
    if called.name == "fleet":
        return str(called)
    installed = Path(sys.executable).with_name("fleet")
    if not installed.exists():
        return "fleet"
    return str(installed.relative_to(Path.cwd()) if installed.is_relative_to(Path.cwd()) else installed)
