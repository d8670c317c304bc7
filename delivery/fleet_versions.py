"""`fleet versions`: what is pinned, until when it is supported, and what could be pinned instead."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common.aws import Aws
from common.console import Console, give, give_json, tell
from delivery import stack_file_edits, version_history, version_pins, version_renovate
from delivery.stack_file_edits import Document
from delivery.version_proposal import Kind, Proposer
from delivery.version_report import Report
from delivery.version_sources import Sources
from fleet.options import HERE, Cwd, Json
from infra.contract import names
from infra.stack_file import config_of
from permanent.settings import parse_file

if TYPE_CHECKING:
    from datetime import date

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()

LAYER = Path("permanent") / f"Pulumi.{names.PERMANENT_STACK}.yaml"
"""Says the account's region."""


@app.command("versions")
def propose_versions(
    cwd: Cwd = HERE,
    only: Annotated[
        list[Kind] | None, typer.Option("--only", help="What may move; may be repeated.", show_default="all")
    ] = None,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write the diff into the files. Without, it is shown.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit 1 if a pin is out of support, 2 if that is not known of one."),
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody; show what the checkout says.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is pinned and until when it is supported, and propose newer pins as a diff.

    Asks EKS with the credentials that are there, the charts' repositories, and GitHub for Flux. A source that does not
    answer is unknown, and its pins stay. No pin is lowered, no pre-release is taken, and Kubernetes moves by one minor
    from what is committed. A newer version alone is no failure.
    """
    sources = Sources(None if offline else Aws(parse_file(config_of(cwd / LAYER)).region))
    report = run(cwd, sources, datetime.now(UTC).date(), frozenset(only or Kind), write=write)
    if as_json:
        give_json(report.json)
        for line in report.shown:
            tell(line, beside_json=True)
    else:
        give(*report.shown)
    if check:
        raise typer.Exit(report.exit_code)


def run(root: Path, sources: Sources, today: date, only: frozenset[Kind], *, write: bool) -> Report:
    """Read the pins, ask, propose; and write, where that is asked for.

    Raises:
        CannotRunError: a file of the checkout is missing or not valid, or cannot be written.
        FleetError: files say different versions of one thing.
    """
    pins = version_pins.read(root)
    version_pins.refuse_disagreement(pins, root)
    renovate = version_renovate.read(root)
    if sources.aws is not None:
        console.print(f"asking EKS in {sources.aws.region}, {len(pins.charts)} charts' repositories and GitHub")
    proposal = Proposer(
        pins,
        lambda path: version_pins.text_of(root, path),
        version_history.committed(root, pins),
        sources.offers(pins),
        renovate,
        today,
        only,
    ).propose()
    paths = sorted({edit.place.path for edit in proposal.edits})
    documents: list[Document] = []
    for path in paths:
        before = version_pins.text_of(root, path)
        edits = [edit for edit in proposal.edits if edit.place.path == path]
        documents.append(Document(Path(path), before, version_pins.edited(before, edits)))
    changed = [document for document in documents if document.changed]
    since = version_history.since(root, [row.path for row in proposal.rows])
    if write and changed:
        stack_file_edits.write([Document(root / each.path, each.before, each.after) for each in changed])
    return Report(proposal, changed, since, is_written=bool(write and changed))
