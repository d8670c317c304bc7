"""How long a sweep takes compared with one that deletes one thing after another, with the call times of AWS."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from rich.table import Table

from sandbox.account import faults, process
from sandbox.account.faults import Rule
from sandbox.folder import Folder
from teardown import sweep
from teardown.time_budget import Budget
from tests.support.account import ACCOUNT_ID, REGION
from tests.teardown.conftest import SHORT, proven, town_in
from tests.teardown.test_scale import looking

if TYPE_CHECKING:
    from collections import Counter

    from rich.console import Console

LATENCY = 0.05
"""Seconds of a call."""

APPLICATIONS = 20


def table(console: Console) -> None:
    """A sweep as it is, and with one worker."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Folder(Path(folder) / "account")
        account = process.ensure(place, ACCOUNT_ID, REGION)
        try:
            with mock.patch.dict(os.environ, process.environment(account)):
                took = {workers: _sweep(account, place, workers) for workers in (sweep.WORKERS, 1)}
        finally:
            process.stop(place)
    (many, (count, fast)), (_, (_count, slow)) = took.items()
    shown = Table("workers", "time", "ratio", title=f"a sweep of {count} leftovers, {LATENCY * 1000:.0f} ms a call")
    shown.add_row(str(many), f"{fast:.1f} s", "1")
    shown.add_row("1", f"{slow:.1f} s", f"{slow / fast:.1f}")
    console.print(shown)


def calls(console: Console) -> None:
    """How many calls it takes to look, by how much there is: flat but for the pages of load balancers and tags."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Folder(Path(folder) / "account")
        account = process.ensure(place, ACCOUNT_ID, REGION)
        try:
            with mock.patch.dict(os.environ, process.environment(account)):
                seen = [_calls(account, place, count) for count in (1, 42, 417)]
        finally:
            process.stop(place)
    (_few, base), *_more = seen
    shown = Table("leftovers", "calls", "grown", title="calls of a look")
    for found, counted in seen:
        grown = [f"{name} +{counted[name] - base[name]}" for name in counted if counted[name] != base[name]]
        shown.add_row(str(found), str(counted.total()), ", ".join(grown))
    console.print(shown)


def _calls(account: process.Account, place: Folder, count: int) -> tuple[int, Counter[str]]:
    town = town_in(account)
    town.leave(count)
    counted, found = looking(proven(account), town, place)
    return found, counted


def _sweep(account: process.Account, place: Folder, workers: int) -> tuple[int, float]:
    town = town_in(account)
    town.leave(APPLICATIONS)
    aws = proven(account)
    faults.write(place.faults, [Rule(faults.NONE, latency=LATENCY)])
    began = time.perf_counter()
    with mock.patch.object(sweep, "WORKERS", workers):
        outcome = sweep.sweep(aws, town.plan(aws), Budget.of(SHORT * 4), lambda _line: None)
    took = time.perf_counter() - began
    faults.write(place.faults, [])
    assert outcome.good
    return len(outcome.deleted), took
