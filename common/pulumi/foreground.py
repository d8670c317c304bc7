"""Runs a command in the foreground, so that a Ctrl-C reaches it exactly once.

The first SIGINT or SIGTERM makes the engine finish its running steps, save the state and release the lock; a second
one makes it stop at once, without saving (cancellation_scope.go of pulumi 3.274). Once too often is a lost state.
"""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import FrameType

SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def run(
    argv: Sequence[str | Path],
    env: Mapping[str, str],
    cwd: Path,
    *,
    stdout: int | None = None,
    stderr: int | None = None,
    heard: list[int] | None = None,
) -> int:
    """Run `argv` and wait for its end, whatever signals come; gives its exit code, 128 + n after signal n.

    `stdout` and `stderr` are descriptors, ours by default; `heard` gets the number of each signal that came.

    At a terminal the child is in our process group: Ctrl-C reaches it without us, and a hangup too unless we lead the
    session, whose leader is the only one that the kernel tells. Elsewhere (a CI runner signals one process, or a whole
    group) it leads a group of its own, and gets each signal from us. Raises FleetError when it cannot be started.
    """
    terminal = _in_foreground()
    told = {signal.SIGINT} if os.getsid(0) == os.getpid() else {signal.SIGINT, signal.SIGHUP}
    forwarded = SIGNALS - told if terminal else SIGNALS
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if heard is not None:
            heard.append(number)
        if number not in forwarded:
            return
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        try:
            child = subprocess.Popen(  # noqa: S603
                argv, env=env, cwd=cwd, stdout=stdout, stderr=stderr, process_group=None if terminal else 0
            )
        except OSError as error:
            raise CannotRunError(f"{argv[0]} cannot be started: {error.strerror}") from None
        for number in early:
            child.send_signal(number)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    """Whether stdin is a terminal whose Ctrl-C comes to our process group; a closed one is none."""
    return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
