"""How long a bootstrap takes on the sandbox's cluster, step by step."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.table import Table

from sandbox.cluster import processes
from tests.support.clusters import Town

if TYPE_CHECKING:
    from rich.console import Console


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
    memory = sum(process.memory_full_info().pss for process in processes.found(town.layout) if _lives(process))
    console.print(f"memory of its processes (PSS): {memory / 2**20:.0f} MiB")


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
