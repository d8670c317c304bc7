"""How long a whole day takes, with a cluster and without."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from rich.table import Table

from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from rich.console import Console

GOALS = {"--no-cluster": "90 s", "": "5 min"}
"""Arguments → what it is to take on two idle cores, everything built."""


def table(console: Console) -> None:
    """Both days step by step, and as a multiple of their own `up`: that is the engine alone."""
    whole = Table("a day", "seconds", "times its up", "goal on two idle cores", title="rehearsal")
    for arguments, goal in GOALS.items():
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            command = [sys.executable, "-m", "fleet", "sandbox", "rehearse", f"--folder={folder}/day", "--json"]
            done = subprocess.run(
                [*command, *arguments.split()], cwd=REPOSITORY, capture_output=True, text=True, check=True
            )
        told = json.loads(done.stdout)
        seconds = {each["step"]: each["seconds"] for each in told["steps"]}
        name = f"make rehearse {arguments}".rstrip()
        whole.add_row(name, f"{told['seconds']:.0f}", f"{told['seconds'] / seconds['up']:.1f}", goal)
        console.print(f"{name}: {', '.join(f'{step} {took:.0f} s' for step, took in seconds.items())}")
    console.print(whole)
