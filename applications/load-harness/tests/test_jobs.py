"""Jobs that start and stop at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from load_harness.jobs import CapacityError, Jobs

if TYPE_CHECKING:
    from asyncio.subprocess import Process


def children() -> int:
    """The processes that this one has started, in whichever thread, and that are still there."""
    return sum(len((task / "children").read_text().split()) for task in Path("/proc/self/task").iterdir())


@pytest.mark.parametrize("spawned", [0, 1, 2])
def test_a_job_that_is_said_to_be_stopped_is(monkeypatch: pytest.MonkeyPatch, spawned: int) -> None:
    """Stopped when so many of its processes are there."""
    spawn, there = asyncio.create_subprocess_exec, asyncio.Semaphore(0)

    async def slowly(*command: str, **more: Any) -> Process:
        process = await spawn(*command, **more)
        there.release()
        await asyncio.sleep(0.02)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)

    async def race() -> None:
        jobs = Jobs("cpu", 3, 16)
        starting = asyncio.create_task(jobs.start(3, 60))
        await asyncio.sleep(0)
        for _ in range(spawned):
            await there.acquire()
        stopped = await jobs.stop_all()
        job = await starting
        assert (job in stopped) == (job not in jobs.running)
        assert children() == jobs.amount
        await jobs.stop_all()
        assert children() == 0

    asyncio.run(asyncio.wait_for(race(), 20))


def test_two_jobs_cannot_take_the_same_room() -> None:
    async def race() -> None:
        jobs = Jobs("cpu", 3, 16)
        done = await asyncio.gather(jobs.start(2, 60), jobs.start(2, 60), return_exceptions=True)
        assert [type(each) for each in done if isinstance(each, Exception)] == [CapacityError]
        assert children() == jobs.amount == 2
        await jobs.stop_all()

    asyncio.run(race())
