"""A folder of one run, for its kubeconfig and flux's temporary files; what a killed run left goes at the next start.

A run holds a lock on a file in its folder, which the kernel frees with the process, however that ends (flock(2)).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

LOCK = "lock"


def _prefix() -> str:
    return f"infra-fleet-bootstrap-{os.getuid()}-"


@contextmanager
def private() -> Generator[Path]:
    """A folder that only we can read, for as long as the block runs."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=_prefix()))  # 0700
    try:
        with (folder / "unlocked").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            (folder / "unlocked").rename(folder / LOCK)  # a sweep sees the file only when it is locked
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of runs that were killed. One of somebody else, or of a run that lives, stays."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_prefix()}*/{LOCK}"):
        try:
            if lock.parent.stat().st_uid != os.getuid():
                continue
            with lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue
