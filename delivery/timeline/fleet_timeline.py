"""`fleet timeline`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common import summary
from common.console import Console, Line, Sign, give_json, tell
from common.errors import CannotRunError
from common.text import LINE, markdown
from delivery.timeline import program, runs, timeline
from delivery.timeline.report import Report
from fleet.options import HERE, STACK, Cwd, Json, Stack

if TYPE_CHECKING:
    from delivery.timeline.runs import Kind, Run
    from delivery.timeline.schedule import Waits

HELP = """Where the minutes of a rebuild and a night go: the critical path, and what would shorten it.

Without a run: from the program and published durations, offline. With `--run`: from pulumi's event log, which \
`pulumi up --event-log FILE` writes with PULUMI_DEBUG_COMMANDS=true, or from what a workflow kept of one.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

OfRun = Annotated[
    Path | None,
    typer.Option(
        "--run", help="A run: pulumi's event log, a folder of them, or what --keep wrote.", show_default="none"
    ),
]
Compare = Annotated[
    Path | None, typer.Option("--compare", help="An earlier run, to compare with.", show_default="none")
]
Keep = Annotated[
    Path | None,
    typer.Option("--keep", help="Write the run's times there, to compare with later.", show_default="nowhere"),
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown with a Mermaid chart.")]
Summary = Annotated[
    bool,
    typer.Option("--summary", help="Write the chart to the job's summary, or why there is none, and never fail."),
]


@app.command("rebuild")
def show_rebuild(
    run: OfRun = None,
    compare: Compare = None,
    keep: Keep = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    *,
    as_markdown: Markdown = False,
    to_summary: Summary = False,
    as_json: Json = False,
) -> None:
    """Show where the minutes of a rebuild go."""
    _show("rebuild", run, compare, keep, stack, cwd, as_markdown=as_markdown, to_summary=to_summary, as_json=as_json)


@app.command("night")
def show_night(
    run: OfRun = None,
    compare: Compare = None,
    keep: Keep = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    *,
    as_markdown: Markdown = False,
    to_summary: Summary = False,
    as_json: Json = False,
) -> None:
    """Show where the minutes of a nightly teardown go."""
    _show("night", run, compare, keep, stack, cwd, as_markdown=as_markdown, to_summary=to_summary, as_json=as_json)


def _show(
    kind: Kind,
    run: Path | None,
    compare: Path | None,
    keep: Path | None,
    stack: str,
    cwd: Path,
    *,
    as_markdown: bool,
    to_summary: bool,
    as_json: bool,
) -> None:
    try:
        report = _report(kind, stack, cwd, run, compare, keep)
    except Exception as error:  # a chart is no reason for a job to fail, whatever it is
        if not to_summary:
            raise
        why = f"no timeline of this {kind}: {error}"
        summary.write(markdown(why, LINE))
        console.print(Line(Sign.SKIPPED, why))
        return
    if to_summary:
        summary.write(f"## Where the minutes went\n\n{report.to_markdown()}")
    if as_json:
        give_json(report.document)
    lines = report.to_markdown().splitlines() if as_markdown else report.lines()
    for line in lines:
        tell(line, beside_json=as_json)


def _report(kind: Kind, stack: str, folder: Path, path: Path | None, compare: Path | None, keep: Path | None) -> Report:
    """What there is to say; a run is kept where it is asked for. Raises CannotRunError."""
    created = program.waits(folder, stack)
    if path is None:
        if keep:
            raise CannotRunError("--keep needs --run: there is no run to keep")
        return Report(timeline.published(kind, stack, created), _earlier(kind, stack, created, compare))
    run = _read(kind, path)
    report = Report(_of_run(kind, stack, run, created), _earlier(kind, stack, created, compare))
    if keep:
        runs.keep(run, keep)
        summary.outputs(kept="true")
    return report


def _read(kind: Kind, path: Path) -> Run:
    run = runs.read(path)
    if run.kind is None:
        raise CannotRunError(f"{path}: nothing was created, changed or deleted in that run")
    if run.kind != kind:
        raise CannotRunError(f"{path} is of a {run.kind}: fleet timeline {run.kind} --run {path}")
    return run


def _earlier(kind: Kind, stack: str, created: Waits, path: Path | None) -> timeline.Timeline | None:
    """The run to compare with; None where none was kept."""
    if path is None:
        return None
    if not path.exists():
        console.print(Line(Sign.SKIPPED, f"nothing to compare with: {path} does not exist"))
        return None
    return _of_run(kind, stack, _read(kind, path), created)


def _of_run(kind: Kind, stack: str, run: Run, created: Waits) -> timeline.Timeline:
    began = datetime.fromtimestamp(min(change.start for change in run.changes), UTC)
    return timeline.of_run(kind, stack, run, created, f"the run of {began:%Y-%m-%d %H:%M} UTC")
