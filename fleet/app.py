"""The app behind `fleet`, whose groups are loaded by name; the one place that turns an error into an exit code."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from common.console import Console
from common.errors import FleetError
from fleet.groups import GROUPS

HELP = "A staging platform on EKS that is built by day and costs nothing by night."
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the number of SIGINT."""

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

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what a person can act on is said in a line, with a non-zero exit code."""
        try:
            return super().invoke(ctx)
        except FleetError as error:
            name = ctx.invoked_subcommand or ""
            Console().fail(f"{name}: {error}", style="red")
            ctx.exit(_BY_NAME[name].stopped)
        except KeyboardInterrupt:
            Console().print(f"{ctx.invoked_subcommand}: stopped; the same command goes on from here")
            ctx.exit(INTERRUPTED)


app = typer.Typer(
    cls=Fleet,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _groups() -> None:
    """The groups are commands of the class."""


def main(arguments: list[str] | None = None) -> None:
    """Run `fleet`, and exit.

    Args:
        arguments: what follows the command's name; None: those of this process.
    """
    app(args=sys.argv[1:] if arguments is None else arguments, prog_name="fleet")
