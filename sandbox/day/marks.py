"""What a rehearsal has started: known by the environment, so that nothing has to be written down about it."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

from sandbox.cluster.processes import MARK
from sandbox.folder import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

VARIABLE = "INFRA_FLEET_REHEARSAL"
"""In the environment of what a rehearsal starts: the folder that it belongs to."""


def found(root: Path) -> list[psutil.Process]:
    """The processes of the rehearsal in a folder, apart from this one and its parents.

    A person who reads a log of it, or runs kubectl on its cluster, is none of them.
    """
    ours = {each.pid for each in (psutil.Process(), *psutil.Process().parents())}
    marked: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            variables = process.environ()
            told = [variables.get(name, "") for name in (VARIABLE, FOLDER_VARIABLE, MARK)]
            if process.pid not in ours and any(f"{text}/".startswith(f"{root}/") for text in told):
                marked.append(process)
    return marked


@contextmanager
def marked(root: Path) -> Generator[None]:
    """Mark what this process starts as the rehearsal's in a folder."""
    os.environ[VARIABLE] = str(root)
    try:
        yield
    finally:
        del os.environ[VARIABLE]
