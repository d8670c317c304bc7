"""How long a bootstrap takes on the sandbox's cluster, step by step."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.table import Table

from sandbox.cluster import processes
from tests.support.checkout import REPOSITORY
from tests.support.clusters import Town

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console


PAGE = REPOSITORY / "docs" / "bootstrap.md"
BEGIN, END = "<!-- figures of `make bench` -->", "<!-- end of the figures -->"


def table(console: Console) -> None:
    """A cold start, an empty run on what it left, and the memory that stands behind them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        town = Town.build(Path(folder))
        try:
            _measure(town, console)
        finally:
            town.close()


def _measure(town: Town, console: Console) -> None:
    town.sandbox("cluster", "down")
    began = time.perf_counter()
    town.sandbox("cluster", "up")
    up = time.perf_counter() - began
    cold, again = (town.bootstrap("run", "--json").json["steps"] for _ in range(2))
    steps = Table("step", "cold", "again", title=f"bootstrap; the cluster itself is up after {up:.1f} s")
    for first, second in zip(cold, again, strict=True):
        steps.add_row(first["title"], f"{first['seconds']:.1f} s", f"{second['seconds']:.1f} s")
    totals = [sum(step["seconds"] for step in run) for run in (cold, again)]
    steps.add_row("in all", *(f"{total:.1f} s" for total in totals))
    console.print(steps)
    # PSS: a page that several processes map counts once. RSS would count each program's text again.
    memory = sum(process.memory_full_info().pss for process in processes.found(town.layout) if _lives(process))
    console.print(f"memory of its processes (PSS): {memory / 2**30:.1f} GiB")
    seconds = {step["name"]: step["seconds"] for step in cold}
    figures = {
        "the cluster is up": f"{up:.0f} s",
        "`fleet bootstrap run`, from empty to all Ready": f"{totals[0]:.0f} s",
        "of these, `flux bootstrap`": f"{seconds['flux']:.0f} s",
        "of these, reconciliation": f"{seconds['verify']:.0f} s",
        "a second run, which changes nothing": f"{totals[1]:.0f} s",
        "memory of the cluster's processes (PSS)": f"{memory / 2**30:.1f} GiB",
        "measured": f"{datetime.now(UTC):%B %Y}, {os.cpu_count()} cores at a load of {os.getloadavg()[0]:.0f}",
    }
    PAGE.write_text(with_figures(PAGE.read_text(), figures))
    console.print(f"written to {PAGE.relative_to(REPOSITORY)}")


def with_figures(page: str, figures: Mapping[str, str]) -> str:
    """The page with these figures between its marks, in place of those that are there."""
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no place for figures")
    rows = "\n".join(f"| {name} | {figure} |" for name, figure in figures.items())
    return f"{before}{BEGIN}\n| | |\n|---|---|\n{rows}\n{END}{after}"


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
