"""Whose lock blocks the run, and who may take it.

A job holds the stack's concurrency group (`stack-<stack>`, in every workflow that changes one), so a lock of another
job, which it finds, was left by one that is gone. A lock of this machine whose process is gone was left too. Every
other lock may be a person's who is at work: nobody takes it but a person who has asked the holder.

Source: Pulumi 3.274, pkg/backend/diy/lock.go (user name, host name, process and time); GitHub Docs, "Using
concurrency", and "GitHub-hosted runners reference" (the user is `runner` on Linux).
"""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from common.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from common.pulumi.locks import Lock

RUNNER = "runner"
"""The user of GitHub's hosted runners."""

VARIABLE = "RUNNER_USERS"
"""More of them, for self-hosted runners: names with commas between."""


class HeldError(FleetError):
    """Something holds the stack that this run may not take; with `options` a person may, once it is sure."""

    def __init__(self, why: str, options: tuple[str, ...]) -> None:
        super().__init__(why)
        self.options = options


@dataclass(frozen=True)
class Here:
    """The machine and the user of this process, and whether it is a workflow's job."""

    user: str = field(default_factory=getpass.getuser)
    host: str = field(default_factory=socket.gethostname)
    in_job: bool = field(default_factory=lambda: os.environ.get("GITHUB_ACTIONS") == "true")
    runners: Collection[str] = ()
    """The users of self-hosted runners."""

    def is_left(self, lock: Lock) -> bool:
        """Whether a lock was left by a run that is gone for sure."""
        if (lock.username, lock.hostname) == (self.user, self.host):
            return not _is_alive(lock.pid)
        return self.in_job and self.is_runner(lock)

    def is_runner(self, lock: Lock) -> bool:
        """Whether a lock is that of a workflow's job."""
        return lock.username in {RUNNER, *self.runners}

    def whose(self, lock: Lock, now: datetime) -> str:
        """Say whose lock it is, for how long he has had it, and why it is taken or not."""
        held = f"{lock.holder}, for {lock.age(now)}"
        if (lock.username, lock.hostname) == (self.user, self.host):
            return f"{held}: that process {'still runs' if _is_alive(lock.pid) else 'is gone'} on this machine"
        if self.is_runner(lock):
            return f"{held}: a workflow's job{', which is gone' if self.in_job else ', which may be under way'}"
        return f"{held}: a person at a terminal"


def _is_alive(pid: int) -> bool:
    """Whether a process runs on this machine; one that may not be asked does."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
