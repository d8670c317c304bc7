"""Jobs that make load: processes with an end, of which all of one kind together stay within its capacity."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import time
import uuid
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, field
from datetime import UTC, datetime

GRACE = 2.0
"""Seconds that a process has to end before it is killed."""

log = logging.getLogger(__name__)


UNITS = {"cpu": "workers", "memory": "MiB"}
"""Kind of job → what its amount counts."""


INTERPRETER = 8
"""MiB that each process is counted with. Measured: 5 to 6 MiB of PSS with CPython 3.11, before it does anything."""

OVERHEAD = {"cpu": 0, "memory": INTERPRETER}
"""Kind of job → what a job takes of the capacity in addition to its amount. CPU workers are bounded one by one."""


class CapacityError(Exception):
    """There is no room for another job; the text says why.

    Attributes:
        retry_after: whole seconds until the first running job ends.
    """

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Job:
    """A job that runs."""

    kind: str
    amount: int
    seconds: int
    intensity: float = 1.0
    """The share of the time in which each CPU worker is busy."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    begun: float = field(default_factory=time.monotonic)
    """On the monotonic clock."""

    @property
    def unit(self) -> str:
        """What its amount counts."""
        return UNITS[self.kind]

    @property
    def takes(self) -> int:
        """What it takes of the capacity."""
        return self.amount + OVERHEAD[self.kind]

    @property
    def seconds_left(self) -> float:
        """Seconds until it ends by itself, in tenths."""
        return round(max(0.0, self.begun + self.seconds - time.monotonic()), 1)

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """The processes that it is made of."""
        command = (sys.executable, "-m", "load_harness.worker", self.kind, str(self.seconds))
        return [(*command, str(self.intensity))] * self.amount if self.kind == "cpu" else [(*command, str(self.amount))]


class Jobs:
    """The jobs of one kind. One process serves a pod, so this is all that there is of them in it."""

    def __init__(self, kind: str, capacity: int, most: int) -> None:
        self.kind = kind
        self.capacity = capacity
        self.most = most
        """How many may run at the same time."""
        self._running: dict[str, tuple[Job, list[Process]]] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()
        """Held while processes start or stop: no job takes another's room, and none is stopped that is half there."""

    @property
    def running(self) -> list[Job]:
        """Oldest first."""
        return [job for job, _ in self._running.values()]

    @property
    def amount(self) -> int:
        """What the running jobs were asked for: workers, or MiB."""
        return sum(job.amount for job in self.running)

    @property
    def largest(self) -> int:
        """The largest amount of a job."""
        return self.capacity - OVERHEAD[self.kind]

    @property
    def free(self) -> int:
        """The largest amount of a job that there is room for now."""
        return max(0, self.largest - sum(job.takes for job in self.running))

    def get(self, job_id: str) -> Job | None:
        """A running job."""
        found = self._running.get(job_id)
        return found[0] if found else None

    async def start(self, amount: int, seconds: int, intensity: float = 1.0) -> Job:
        """Start a job.

        Raises:
            CapacityError: the running ones leave no room for it.
            OSError: the system gives no process.
        """
        async with self._changing:
            self._check_room(amount)
            job = Job(self.kind, amount, seconds, intensity)
            processes: list[Process] = []
            try:
                for command in job.commands:
                    processes.append(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=DEVNULL))  # noqa: PERF401
            except BaseException:
                await _end(processes)
                raise
            self._running[job.id] = (job, processes)
        self._watchers[job.id] = asyncio.create_task(self._watch(job, processes))
        log.info("job started", extra={"kind": job.kind, "job": job.id, "amount": amount, "seconds": seconds})
        return job

    def _check_room(self, amount: int) -> None:
        if len(self.running) >= self.most:
            text = f"{len(self.running)} {self.kind} jobs run, the most that may: stop one, or wait"
        elif amount > self.free:
            text = f"{amount} {UNITS[self.kind]} requested, {self.free} of {self.largest} free: stop a job, or wait"
        else:
            return
        soonest = min((job.seconds_left for job in self.running), default=0.0)
        raise CapacityError(text, max(1, math.ceil(soonest)))

    async def stop(self, job: Job) -> None:
        """Stop a job, and wait for its processes to be gone."""
        async with self._changing:
            _, processes = self._running.get(job.id, (job, []))
            await _end(processes)
        watcher = self._watchers.get(job.id)
        if watcher:
            await watcher

    async def stop_all(self) -> list[Job]:
        """Stop all that run; gives them."""
        stopped = self.running
        await asyncio.gather(*(self.stop(job) for job in stopped))
        return stopped

    async def _watch(self, job: Job, processes: list[Process]) -> None:
        codes = [await process.wait() for process in processes]
        del self._running[job.id], self._watchers[job.id]
        log.info("job ended", extra={"kind": job.kind, "job": job.id, "exit_codes": codes})


async def _end(processes: list[Process]) -> None:
    for process in processes:
        if process.returncode is None:
            process.terminate()
    for process in processes:
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()
