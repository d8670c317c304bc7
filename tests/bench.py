"""`make bench`: figures to compare within one run. None is a threshold: machines differ."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import yaml
from rich.console import Console
from rich.table import Table

from delivery.timeline import timeline
from delivery.timeline.runs import Kind
from infra.contract import prices
from infra.settings import NodeGroup
from sandbox import rehearsal
from sandbox.engine import project
from tests.applications import bench as application
from tests.checks import bench
from tests.cluster import bench as bootstrap
from tests.engine import diffs
from tests.sandbox.day import bench as day
from tests.support import recorder, rehearsals
from tests.support.checkout import REPOSITORY
from tests.teardown import bench as night

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RUNS = 5
EMPTY = "import pulumi\n\npulumi.export('nothing', 0)\n"
BARE = "import typer; app = typer.Typer(); app.command()(lambda: None); app()"
HELPS = 5
IMPORTS = ("pass", "import pulumi", "import pulumi_aws", "import infra.settings", "import boto3", "import moto.server")

console = Console()


def median(times: Callable[[], object], runs: int = RUNS) -> float:
    """The median wall-clock time of a call, in seconds."""
    found: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        times()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def makespans() -> None:
    """The program's graph on published durations, as the engine walks it with room for all at once."""
    created = recorder.run_stack(preview=False).waits
    table = Table(
        "graph on published durations", "makespan", "smallest", "critical path", title=f"{len(created)} resources"
    )
    for kind in get_args(Kind):
        found = timeline.published(kind, "staging", created)
        path = " → ".join(found.critical)
        table.add_row(kind, f"{found.total / 60:.1f} min", f"{found.smallest / 60:.1f} min", path)
    console.print(table)
    group = NodeGroup()
    hour = prices.stack_hour(group.desired_size, group.disk_gib)
    console.print(f"an hour of it, without load balancers: ${hour:.2f}")


def previews() -> None:
    """The program's preview compared with an empty program's, on one engine and one account."""
    root = Path(tempfile.mkdtemp(prefix="infra-fleet-bench-"))
    sandbox = rehearsals.new(root)
    try:
        sandbox.succeed("preview")
        ready = sandbox.prepared()
        empty = root / "empty"
        empty.mkdir()
        document = yaml.safe_load((sandbox.folder.project / "Pulumi.yaml").read_text())
        document["main"] = str(empty)
        document["name"] = "empty"
        (empty / "__main__.py").write_text(EMPTY)
        (empty / "Pulumi.yaml").write_text(yaml.safe_dump(document))

        def pulumi(cwd: Path, *arguments: str) -> None:
            command: Sequence[str] = [str(ready.engine.path), *arguments, "--stack", "staging", "--non-interactive"]
            subprocess.run(command, cwd=cwd, env=dict(ready.environment), check=True, capture_output=True)

        project.init_stack(empty, ready.engine, "staging", ready.environment, secrets_provider=ready.secrets_provider)
        nothing = median(lambda: pulumi(empty, "preview"))
        program = median(lambda: pulumi(sandbox.folder.project, "preview"))
        table = Table(f"preview, median of {RUNS}", "seconds", "times the empty program")
        table.add_row("an empty program", f"{nothing:.2f}", "1.0")
        table.add_row("the stack, from nothing", f"{program:.2f}", f"{program / nothing:.1f}")
        console.print(table)
    finally:
        rehearsal.reset(sandbox.folder)
        shutil.rmtree(root)


def comparisons() -> None:
    """`fleet diff` compared with what it is made of: two plain runs of the engine on an account of their own."""
    root = Path(tempfile.mkdtemp(prefix="infra-fleet-bench-"))
    sandbox = rehearsals.new(root)
    with diffs.clone(root) as clone:
        found = clone.range_of(diffs.SCENARIOS["nat-strategy"])
        started = time.perf_counter()
        clone.reports(found)
        first = time.perf_counter() - started
        again = median(lambda: clone.reports(found), 3)
    try:
        started = time.perf_counter()
        sandbox.succeed("up", "--", "--skip-preview")
        plain = time.perf_counter() - started
        preview = median(lambda: sandbox.succeed("preview"), 3)
        table = Table("fleet diff: a stack and its permanent layer", "seconds", "times the plain runs")
        table.add_row("up, then a preview", f"{plain + preview:.1f}", "1.0")
        table.add_row("fleet diff, for the first time", f"{first:.1f}", f"{first / (plain + preview):.2f}")
        table.add_row("a preview", f"{preview:.1f}", "1.0")
        table.add_row("fleet diff, with the same BASE", f"{again:.1f}", f"{again / preview:.2f}")
        console.print(table)
    finally:
        rehearsal.reset(sandbox.folder)
        shutil.rmtree(root)


def imports() -> None:
    """What imports cost, each in a fresh interpreter."""
    table = Table(f"import, median of {RUNS}", "seconds")
    for statement in IMPORTS:
        command = [sys.executable, "-c", statement]
        took = median(lambda command=command: subprocess.run(command, cwd=REPOSITORY, check=True, env=os.environ))
        table.add_row(statement, f"{took:.2f}")
    console.print(table)


def helps() -> None:
    """`fleet --help` compared with the help of a Typer app of one command, each in a fresh interpreter."""

    def took(*arguments: str) -> float:
        command = [sys.executable, *arguments]
        return median(lambda: subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL), HELPS)

    bare, whole = took("-c", BARE, "--help"), took("-m", "fleet", "--help")
    table = Table(f"help, median of {HELPS}", "seconds", "times the bare app")
    table.add_row("a bare Typer app", f"{bare:.2f}", "1.0")
    table.add_row("fleet --help", f"{whole:.2f}", f"{whole / bare:.1f}")
    console.print(table)


if __name__ == "__main__":
    makespans()
    imports()
    helps()
    previews()
    comparisons()
    bench.table(console)
    application.table(console)
    night.table(console)
    night.calls(console)
    bootstrap.table(console)
    day.table(console)
