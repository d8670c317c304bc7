"""The folder of a rehearsal: never the user's own sandbox; what is in it after a kill is ended by the next run."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pydantic

from common.errors import CannotRunError
from sandbox import files, rehearsal
from sandbox.account import process
from sandbox.cluster import processes
from sandbox.day import marks
from sandbox.day.choice import There
from sandbox.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

NAME = ".sandbox-rehearsal"
"""In the checkout."""
MARK = "# The folder of `fleet sandbox rehearse`, which empties it.\n*\n"
TAKEOVER = 60.0
"""Seconds that the guard of a killed rehearsal has to end what that left."""


class Memory(pydantic.BaseModel):
    """What a rehearsal remembers, for `--from` and `--only`."""

    model_config = pydantic.ConfigDict(extra="forbid")

    account: str = ""
    """The life of the account: another one has nothing in it."""
    there: There = There()
    census: dict[str, tuple[str, ...]] = {}
    """What the account held before anything was built: the permanent layer."""
    resources: int = 0
    """How many the first preview would create."""
    has_cluster: bool = True
    seed: int | None = None


@dataclass(frozen=True)
class Home:
    """The paths in the folder."""

    root: Path

    @property
    def sandbox(self) -> Folder:
        """The sandbox folder: account, engine, cluster."""
        return Folder(self.root / "sandbox")

    @property
    def clone(self) -> Path:
        """The checkout of somebody who opens a pull request."""
        return self.root / "pull-request"

    @property
    def work(self) -> Path:
        """The clone of the Git host's repository of somebody who pushes to main."""
        return self.root / "main"

    @property
    def logs(self) -> Path:
        """All that the commands of each step printed: one file a step."""
        return self.root / "logs"

    @property
    def memory_file(self) -> Path:
        """`Memory` as JSON."""
        return self.root / "rehearsal.json"

    @property
    def lock_file(self) -> Path:
        """Held by the rehearsal and by its guard; has the id of the rehearsal's process."""
        return self.root / ".lock"

    def claim(self) -> None:
        """Make the folder, or find it a rehearsal's. Raises CannotRunError: it is somebody else's."""
        marker = self.root / ".gitignore"
        self.root.mkdir(parents=True, exist_ok=True)
        if marker.exists() and marker.read_text() == MARK:
            return
        if any(self.root.iterdir()):
            raise CannotRunError(f"{self.root} is not empty and not a rehearsal's folder: name another with --folder")
        marker.write_text(MARK)

    def read(self) -> Memory:
        """What is remembered of what stands; an empty memory where nothing does."""
        try:
            memory = Memory.model_validate_json(self.memory_file.read_text("utf-8"))
        except (OSError, pydantic.ValidationError):
            return Memory()
        account = process.find(self.sandbox) if self.sandbox.root.exists() else None
        return memory if account and life(account) == memory.account else Memory()

    def write(self, memory: Memory) -> None:
        """Remember."""
        files.write(self.memory_file, memory.model_dump_json())

    def empty(self) -> bool:
        """End all that runs for the folder and remove what it holds, logs aside; whether anything ran.

        Raises:
            FleetError: a process does not end.
        """
        running = marks.found(self.root)
        processes.end(running)
        rehearsal.reset(self.sandbox)
        for path in (self.clone, self.work):
            shutil.rmtree(path, ignore_errors=True)
        self.memory_file.unlink(missing_ok=True)
        return bool(running)

    @contextmanager
    def held(self, say: Callable[[str], None]) -> Generator[int]:
        """Hold the folder; gives the descriptor of the lock, which a guard may share.

        Raises:
            CannotRunError: another rehearsal holds it.
        """
        self.claim()
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take(descriptor, say)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, say: Callable[[str], None]) -> None:
        deadline = time.monotonic() + TAKEOVER
        is_said = False
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            holder = os.pread(descriptor, 20, 0).decode() or "0"
            if psutil.pid_exists(int(holder)) or time.monotonic() > deadline:
                raise CannotRunError(
                    f"a rehearsal runs in {self.root} (process {holder}): wait for its end, or name another --folder"
                )
            if not is_said:
                say("a killed rehearsal is being cleared away")
            is_said = True
            time.sleep(0.1)


def life(account: process.Account) -> str:
    """What tells an account from the next one on the same folder."""
    return f"{account.pid}-{account.started}"
