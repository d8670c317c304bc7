"""The options that recur, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fleet import checkout

STACK = "staging"
HERE: Path = None  # pyright: ignore[reportAssignmentType]  # the callback puts a folder in its place

Cwd = Annotated[
    Path,
    typer.Option(
        "--cwd",
        "-C",
        help="The checkout to work on, or another folder with a Pulumi.yaml.",
        show_default="the one around this folder",
        callback=checkout.chosen,
    ),
]
Stack = Annotated[str, typer.Option("--stack", help="The stack.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result for machines.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without, it is shown what would be done.")]
Timings = Annotated[
    Path | None,
    typer.Option(
        "--timings", help="A folder: write there what `fleet timeline` reads with --run.", show_default="nowhere"
    ),
]
