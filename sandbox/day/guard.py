"""`python -m sandbox.day.guard`: outlives a rehearsal that is killed, and ends what that has started.

An account and a cluster outlive the command that started them; of a rehearsal nobody would end them.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.cluster import processes
from sandbox.day import marks
from sandbox.folder import CODE

if TYPE_CHECKING:
    from collections.abc import Generator

MODULE = "sandbox.day.guard"
GOOD = b"."
"""What a rehearsal says that ends as it should; one that is killed says nothing."""


@contextmanager
def guarded(root: Path, lock: int) -> Generator[None]:
    """Have a process watch this one, which works in a folder, for as long as the block runs; it holds the lock too."""
    watched, alive = os.pipe()
    command = [sys.executable, "-m", MODULE, f"--home={root}", f"--alive={watched}"]
    child = subprocess.Popen(  # noqa: S603 our own module
        command,
        cwd=CODE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=(watched, lock),
    )
    os.close(watched)
    said = GOOD
    try:
        yield
    except (KeyboardInterrupt, SystemExit):  # while things were cleared away
        said = b""
        raise
    finally:
        with suppress(BrokenPipeError):  # somebody has ended the guard
            os.write(alive, said)
        os.close(alive)
        child.wait()


def main() -> None:
    """Wait for the end of the rehearsal; unless it was a good one, end all processes of its folder."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder of the rehearsal")
    parser.add_argument("--alive", type=int, required=True, help="descriptor that closes when the rehearsal ends")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if os.read(arguments.alive, 1) == GOOD:
        return
    while left := marks.found(arguments.home):  # what is ended may have been starting another
        processes.end(left)


if __name__ == "__main__":
    main()
