"""Since when a pin stands, and what HEAD has: by git, where there is one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from delivery.git import git
from delivery.version_pins import CONTRACT, contract_of, minor_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from delivery.version_pins import Pins

UNCOMMITTED = "0" * 40


def committed(root: Path, pins: Pins) -> dict[str, str]:
    """Stack, or empty for the contract → the minor in HEAD; what HEAD does not have is left out."""
    contract = _asked(root, "show", f"HEAD:./{CONTRACT}")
    if contract is None:
        return {}
    try:
        minor = contract_of(contract).scope.kubernetes
    except CannotRunError:
        return {}
    found = {"": minor}
    for stack in pins.stacks:
        text = _asked(root, "show", f"HEAD:./{stack.path}")
        if text is not None:
            found[stack.name] = minor_of(text, stack.path) or minor
    return found


def since(root: Path, paths: Iterable[str]) -> Mapping[tuple[str, int], str]:
    """Path and line → the day of the commit that wrote it; a history that was cut off says nothing."""
    if _asked(root, "rev-parse", "--is-shallow-repository") != "false\n":
        return {}
    found: dict[tuple[str, int], str] = {}
    for path in dict.fromkeys(paths):
        blamed = _asked(root, "blame", "--line-porcelain", "--", path) or ""
        line, commit = 0, ""
        for text in blamed.splitlines():
            if header := re.match(r"([0-9a-f]{40}) \d+ (\d+)", text):
                commit, line = header[1], int(header[2])
            elif text.startswith("committer-time "):
                day = datetime.fromtimestamp(int(text.split()[1]), UTC).date()
                found[path, line] = "not committed" if commit == UNCOMMITTED else str(day)
    return found


def _asked(root: Path, *arguments: str) -> str | None:
    """What git says; None where it cannot: no repository, no commit, no git."""
    try:
        return git(root, *arguments, none=128)
    except CannotRunError:
        return None
