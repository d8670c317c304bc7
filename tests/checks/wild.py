"""Tries the checks on a checkout of any Flux repository: what is found of each rule, and whether it could run at all.

    .venv/bin/python -m tests.checks.wild CHECKOUT SETTINGS [--errors]

It runs in nobody's CI. SETTINGS is a checks.yaml as the owner would write it; it need not lie in the checkout. A tree
that runs in production has no error that is not shown to be true.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path  # noqa: TC003  # typer reads the annotations
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from checks import report
from checks.config import load
from checks.findings import Severity
from checks.run import run
from common.errors import FleetError


def main(
    checkout: Path,
    settings: Path,
    errors: Annotated[bool, typer.Option("--errors", help="List each error too.")] = False,
) -> None:
    """Print a table by rule: 0 no error, 1 errors, 2 could not run."""
    try:
        found = run(checkout, load(checkout, settings), keep_going=True)
    except FleetError as error:
        typer.echo(f"exit {error.exit_code}: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    table = Table("rule", *(each.value for each in Severity), "such as", title=checkout.name)
    counts = Counter((finding.rule, finding.severity) for finding in found.findings)
    for rule in sorted({rule for rule, _ in counts}):
        first = next(finding for finding in report.by_weight(found) if finding.rule == rule)
        table.add_row(
            rule,
            *(str(counts[rule, severity] or "") for severity in Severity),
            f"{first.place.file}:{first.place.line} {first.object}: {first.why}"[:120],
        )
    Console(width=180).print(table)
    typer.echo(report.summary(found))
    for finding in report.by_weight(found) if errors else ():
        if finding.severity is Severity.ERROR:
            typer.echo(f"{finding.rule} {finding.place.file}:{finding.place.line} {finding.object}: {finding.why}")
    if found.count(Severity.ERROR):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
