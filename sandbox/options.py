"""The options that recur in the rehearsal's commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.checkout import Checkout
from sandbox.folder import Folder

Where = Annotated[
    Path | None, typer.Option("--folder", help="The sandbox folder.", show_default=".sandbox in the checkout")
]
More = Annotated[list[str] | None, typer.Argument(help="What goes on, after --.", metavar="[-- ARGS...]")]


def folder_of(cwd: Path, folder: Path | None) -> Folder:
    """The sandbox folder that was named, or that of the checkout."""
    return Folder((folder or Checkout(cwd).sandbox).resolve())
