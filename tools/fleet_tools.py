"""`fleet tools TOOL` prints the path of a tool, which is built first if it has to be."""

from __future__ import annotations

from typing import Annotated

import typer

from common.console import Console, give
from common.errors import CannotRunError
from tools.build import find
from tools.catalogue import TOOLS

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


@app.command()
def tools(name: Annotated[str, typer.Argument(metavar="TOOL", help=f"One of {', '.join(TOOLS)}.")]) -> None:
    """Print the path of a tool, built first if it has to be."""
    if name not in TOOLS:
        raise CannotRunError(f"unknown tool {name}: use one of {', '.join(TOOLS)}")
    give(find(TOOLS[name], console.print))
