"""`fleet diff`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from common import summary
from common.console import Console, give_json, tell
from common.errors import FleetError
from delivery import markdown_parts, report_lines, report_markdown, scope
from fleet.options import HERE, Cwd, Json
from sandbox.diff import compare, manifests, manifests_report, revisions
from sandbox.diff import store as accounts
from sandbox.diff.manifests import Manifests
from sandbox.diff.revisions import Range

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


@app.command()
def show_diff(
    commits: Annotated[
        str | None,
        typer.Argument(
            metavar="[BASE..HEAD]",
            help="What to compare. Without BASE: the merge base with main. Without HEAD: the working tree, with what "
            "is not committed yet.",
        ),
    ] = None,
    cwd: Cwd = HERE,
    stack: Annotated[
        list[str] | None,
        typer.Option("--stack", help="A stack; may be repeated.", show_default="all of both commits"),
    ] = None,
    reports: Annotated[
        Path | None, typer.Option("--reports", help="The folder for the Markdown reports, one a stack.")
    ] = None,
    commit: Annotated[
        str | None, typer.Option("--commit", help="What HEAD is called in the head of the reports.")
    ] = None,
    *,
    as_json: Json = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="End the embedded account that the last diff left for the next one.")
    ] = False,
) -> None:
    """Report what a change of the code would do to each stack and to the permanent layer, whatever is up.

    BASE is built in an embedded account, by the real engine, from its own program, settings and packages; HEAD is
    previewed against it. No AWS and no credentials. It compares what two commits ask for: drift is not seen. BASE's
    account is kept for the next run. Exits 1 if a preview of HEAD fails.
    """
    with accounts.held(cwd) as store:
        if forget:
            ended = accounts.forget(store)
            console.print(f"diff: {ended} embedded account{'s' if ended != 1 else ''} ended")
            return
        found = replace(revisions.parse(cwd, commits), called=commit or "")
        _say(f"comparing {found.line}")
        made = compare.run(store, cwd, found, stack or (), datetime.now(UTC).date(), _say)
    flux = _manifests(cwd, found)
    if as_json:
        documents = [each.document for each in made]
        told = flux.document if flux else None
        give_json({"base": found.base, "head": found.head, "reports": documents, "manifests": told})
    for each in made:
        for line in report_lines.of(each):
            tell(line, beside_json=as_json)
        text = report_markdown.render(each)
        summary.write(text)
        if reports:
            markdown_parts.write(reports / f"{each.project}-{each.stack}.md", text)
    if flux:
        for line in manifests_report.text(flux):
            tell(line, beside_json=as_json)
        text = manifests_report.markdown(flux, found.subject)
        summary.write(text)
        if reports:
            markdown_parts.write(reports / "k8s-manifests.md", text)
    if any(each.code for each in made):
        raise typer.Exit(1)


def _manifests(root: Path, found: Range) -> Manifests | None:
    """What Flux will do; None where no manifest has changed, and what cannot be compared is said in it."""
    if not scope.classify(revisions.changed(root, found)).manifests:
        return None
    _say("building what Flux applies, of both")
    try:
        with revisions.files(root, found.base) as base, revisions.files(root, found.head) as head:
            return manifests.compare(manifests.built(base), manifests.built(head))
    except FleetError as error:
        return manifests.Manifests(problems=(str(error),))


def _say(line: str) -> None:
    console.print(f"diff: {line}")
