"""Runs a Pulumi program: Pulumi's own executor script, in a process group that dies with the language host.

    python -u program.py LIFELINE EXECUTOR [the executor's arguments]

LIFELINE is the number of a file descriptor, the read end of a pipe whose write end the host holds and never uses:
whichever way the host ends, the pipe ends, and with it this process group. It runs in the program's Python, which
need not be the host's: nothing but the standard library and the program's own pulumi.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SHOWN = 32
"""The exit code that says: the message is on the user's screen already. Source: pulumi-language-python-exec."""


def follow(lifeline: int) -> None:
    """End this process group when the host ends."""
    os.set_inheritable(lifeline, False)  # noqa: FBT003 positional only

    def wait() -> None:
        os.read(lifeline, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def execute(executor: str) -> None:
    """Run the executor script, which ends with SystemExit.

    It shows a RunError's message and then exits with 1, as if nobody had been told: that becomes SHOWN.
    """
    shown = False
    try:
        import pulumi
        from pulumi import runtime
    except ImportError:
        pass  # the executor tells the user, and how to install it
    else:
        run_in_stack = runtime.run_in_stack

        async def watched(program: Callable[[], Awaitable[None] | None]) -> None:
            nonlocal shown
            try:
                await run_in_stack(program)
            except pulumi.RunError:
                shown = True
                raise

        runtime.run_in_stack = watched
    try:
        runpy.run_path(executor, run_name="__main__")
    except SystemExit:
        if shown:
            sys.exit(SHOWN)
        raise


if __name__ == "__main__":
    follow(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    sys.path[0] = str(Path(sys.argv[0]).parent)  # as if the executor had been started itself
    execute(sys.argv[0])
