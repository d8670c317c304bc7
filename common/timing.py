"""What a run leaves for `fleet timeline` in a folder: pulumi's event logs, and how long the steps around it took."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from common.console import StepResult

LOGS = "*.jsonl"
"""pulumi's event logs: one for each operation, in the order of their names."""
STEPS = "*.steps.json"

SWITCH: Mapping[str, str] = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Without it pulumi does not know `--event-log` (pkg/cmd/pulumi/operations/up.go of 3.274)."""


def prepare(folder: Path, command: str) -> None:
    """Make the folder, and remove what an earlier run of a command left in it. Raises CannotRunError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in (*folder.glob(f"{command}-*.jsonl"), *folder.glob(f"{command}.steps.json")):
            left.unlink()
    except OSError as error:
        raise CannotRunError(f"{folder} cannot be written: {error.strerror}") from None


def event_log(folder: Path, command: str) -> tuple[str, str]:
    """The arguments with which pulumi writes the next event log of a command, in the environment with SWITCH."""
    number = 1 + sum(1 for _ in folder.glob(f"{command}-*.jsonl"))
    return ("--event-log", str((folder / f"{command}-{number}.jsonl").resolve()))


def write_steps(folder: Path, command: str, steps: Sequence[StepResult], say: Callable[[str], None]) -> None:
    """Write how long the steps of a command took that ends now, one after the other. A failure is only said."""
    begin = time.time() - sum(step.seconds for step in steps)
    found: list[dict[str, object]] = []
    for step in steps:
        found.append({"name": step.name, "start": round(begin, 1), "seconds": round(step.seconds, 1)})
        begin += step.seconds
    path = folder / f"{command}.steps.json"
    try:
        path.write_text(json.dumps({"command": command, "steps": found}, indent=2) + "\n", "utf-8")
    except OSError as error:
        say(f"{path} cannot be written: {error.strerror}")
