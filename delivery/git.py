"""What git says of a checkout."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from common.errors import CannotRunError

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str, none: int | None = None) -> str | None:
    """What a git command prints; None where it ends with the exit code `none`.

    Raises:
        CannotRunError: it ends with another code, or git is not there.
    """
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise CannotRunError("git is not on PATH: install it") from None
    if done.returncode == none:
        return None
    if done.returncode != 0:
        said = " ".join(os.fsdecode(done.stderr).split())
        raise CannotRunError(f"git {arguments[0]} failed: {said}; a checkout needs the whole history (fetch-depth: 0)")
    return os.fsdecode(done.stdout)
