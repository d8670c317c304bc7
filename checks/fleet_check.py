"""`fleet check [PATH]`: 0 no error, 1 errors, 2 could not run."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from checks import binaries, explain, report
from checks.config import FILE, load
from checks.findings import Stage
from checks.run import run
from common.console import Console, Line, Sign, give, give_json

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


class Format(Enum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@app.command()
def check(
    path: Annotated[
        Path | None,
        typer.Argument(help="The root of the repository.", show_default="the nearest folder with a checks.yaml"),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Instead of the checks.yaml there.")] = None,
    stage: Annotated[list[Stage] | None, typer.Option(help="Only this stage; may be repeated.")] = None,
    output: Annotated[Format, typer.Option("--format", help="For people, programs, or GitHub.")] = Format.TEXT,
    explain_rule: Annotated[
        str | None, typer.Option("--explain", metavar="RULE", help="Print a rule with a bad and a good example.")
    ] = None,
    *,
    cwd: Annotated[Path | None, typer.Option("--cwd", "-C", help="The same as PATH.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result for machines.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Ask the tools about every object, also those they judged before.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Run all stages, also after one that found an error.")
    ] = False,
) -> None:
    """Find what Flux would refuse: syntax, build, substitution, schema, order, policy."""
    if explain_rule is not None:
        give(*explain.text(explain_rule).splitlines())
        return
    root = path or cwd or _around(Path.cwd())
    with console.status("checking") as status:

        def began(each: Stage) -> None:
            if console.is_terminal:
                status.update(each.value)
            else:
                binaries.say(each.value)

        found = run(
            root,
            load(root, config),
            stages=stage or tuple(Stage),
            use_cache=not no_cache,
            keep_going=keep_going,
            began=began,
        )
    if json or output is Format.JSON:
        give_json(report.document(found))
    elif output is Format.GITHUB:
        # These may be commands of ours to GitHub: each part of them was cleaned as it was put in.
        sys.stdout.write(f"{report.github(found)}\n")
    else:
        give(*report.lines(found))
        if found.findings:
            console.print(Line(Sign.NEXT, f"fleet check --explain {report.by_weight(found)[0].rule}"))
    if found.fails(strict=strict):
        raise typer.Exit(1)


def _around(folder: Path) -> Path:
    """The nearest folder with a checks.yaml, from a folder upwards; that folder where there is none."""
    return next((each for each in (folder, *folder.parents) if (each / FILE).is_file()), folder)
