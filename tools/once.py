"""What is made once and kept in the user's cache, for all clones: complete or absent, by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

PARTIAL = ".partial-"
"""In the name of a folder that is being written; one that nobody writes to was left by a killed process."""


def cache(name: str) -> Path:
    """The folder for one sort of things, ${XDG_CACHE_HOME:-~/.cache}/infra-fleet/<name>."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infra-fleet" / name


@contextlib.contextmanager
def turn(folder: Path, what: str, say: Callable[[str], None]) -> Generator[int]:
    """Hold the lock under which one thing at a time is made in a cache folder; yields the lock's descriptor.

    The kernel frees it when all who have the descriptor have ended, in whatever way. What killed ones left is removed.
    Raises FleetError when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "build.lock").open("a+")
    except OSError as error:
        raise CannotRunError(f"{folder} cannot be written ({error.strerror}): set XDG_CACHE_HOME to another") from None
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            say(f"{what}: waiting for {lock.read() or 'another process'}, one build runs at a time")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, which builds {what}")
        lock.flush()
        for leftover in folder.glob(f"*{PARTIAL}*"):
            shutil.rmtree(leftover)
        yield lock.fileno()


@contextlib.contextmanager
def complete(folder: Path) -> Generator[Path]:
    """A folder to write to, which becomes `folder` when the block has ended well and vanishes when it has not."""
    partial = Path(tempfile.mkdtemp(prefix=folder.name + PARTIAL, dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
