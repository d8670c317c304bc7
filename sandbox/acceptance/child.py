"""Runs a command whose words are both shown and kept: what AWS refused stands in them."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.pulumi import foreground
from common.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str
    """Also what went to stdout, where both were asked for in one."""
    signals: tuple[int, ...] = ()
    """Those that came meanwhile."""


def run(
    argv: Sequence[str | Path],
    environment: Mapping[str, str],
    cwd: Path,
    *,
    together: bool = False,
    is_shown: bool = True,
) -> Done:
    """Run a command to its end, whatever signals come, and show on stderr what it says there.

    Args:
        argv: the command.
        environment: whole.
        cwd: where.
        together: its stdout goes where its stderr goes.
        is_shown: whether anybody wants to watch.

    Raises:
        FleetError: it cannot be started.
    """
    heard: list[int] = []
    said: list[str] = []
    reading, writing = os.pipe()
    shower = threading.Thread(target=_keep, args=(reading, said, is_shown))
    shower.start()
    try:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
            to = writing if together else out.fileno()
            code = foreground.run(argv, environment, cwd, stdout=to, stderr=writing, heard=heard)
            out.seek(0)
            given = out.read()
    finally:
        os.close(writing)
        shower.join()
    return Done(code, given, "".join(said), tuple(heard))


def _keep(reading: int, said: list[str], is_shown: bool) -> None:  # noqa: FBT001  # of a thread
    """Keep each line, and show it, until nobody has the other end any more."""
    with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            said.append(line)
            if is_shown:
                with suppress(OSError, ValueError):  # without a terminal it is kept all the same
                    sys.stderr.write(f"{clean(line.rstrip(), None)}\n")
                    sys.stderr.flush()
