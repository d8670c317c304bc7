"""How the application answers while it makes load, drains and is killed, on loopback."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from rich.console import Console

PYTHON = REPOSITORY / ".venv-load-harness" / "bin" / "python"


def table(console: Console) -> None:
    """A row for each phase, its latency compared with that of the idle service."""
    folder = REPOSITORY / "applications" / "load-harness"
    done = subprocess.run([PYTHON, "-m", "tests.load"], cwd=folder, capture_output=True, text=True, check=True)
    phases: list[dict[str, Any]] = json.loads(done.stdout)
    shown = Table(
        "load-harness", "requests", "unanswered", "errors", "a second", "p50 ms", "p99 ms", "times idle's p50"
    )
    for phase in phases:
        counted = (str(phase[key]) for key in ("requests", "unanswered", "errors", "rate", "p50", "p99"))
        shown.add_row(phase["phase"], *counted, f"{phase['p50'] / phases[0]['p50']:.1f}")
    console.print(shown)
