"""`python -m tests.load`: requests while the service is idle, works, drains, and is killed, as JSON for a bench.

Each phase ends after a number of requests, or when nobody answers any more.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx2

from tests.service import KEY, LONGEST, Service

if TYPE_CHECKING:
    from collections.abc import Callable

REQUESTS = 600
CONCURRENCY = 8


@dataclass
class Phase:
    """What a phase's requests came to."""

    name: str
    statuses: Counter[int] = field(default_factory=Counter[int])
    """By status; 0 counts those that were not answered."""
    seconds: list[float] = field(default_factory=list[float])
    """Of each answered request."""
    wall: float = 0.0

    @property
    def figures(self) -> dict[str, object]:
        """For a table: rates per second, latencies in milliseconds."""
        answered = sorted(self.seconds)
        return {
            "phase": self.name,
            "requests": self.statuses.total(),
            "unanswered": self.statuses[0],
            "errors": sum(count for status, count in self.statuses.items() if status >= 500),
            "rate": round(len(answered) / self.wall, 1) if self.wall else 0,
            "p50": round(statistics.median(answered) * 1000, 2) if answered else None,
            "p99": round(answered[int(len(answered) * 0.99)] * 1000, 2) if answered else None,
        }


async def fire(url: str, phase: Phase, stop: Callable[[], bool] = lambda: False, path: str = "/version") -> Phase:
    """Send the phase's requests, a few at a time; ends early once `stop` says so."""
    left = iter(range(REQUESTS))
    begun = time.perf_counter()

    async def one(client: httpx2.AsyncClient) -> None:
        for _ in left:
            if stop():
                return
            sent = time.perf_counter()
            try:
                answer = await client.get(path)
            except httpx2.TransportError:
                phase.statuses[0] += 1
                await asyncio.sleep(0.01)
                continue
            phase.statuses[answer.status_code] += 1
            phase.seconds.append(time.perf_counter() - sent)

    async with httpx2.AsyncClient(base_url=url, headers={"x-api-key": KEY}, timeout=LONGEST) as client:
        await asyncio.gather(*(one(client) for _ in range(CONCURRENCY)))
    phase.wall = time.perf_counter() - begun
    return phase


async def _during(service: Service, name: str, event: Callable[[], object]) -> Phase:
    """A phase in whose midst something happens to the service."""
    phase = Phase(name)
    running = asyncio.create_task(fire(str(service.client.base_url), phase, lambda: service.process.poll() is not None))
    while phase.statuses.total() < REQUESTS // 4:
        await asyncio.sleep(0.001)
    event()
    return await running


def phases() -> list[Phase]:
    """All of them, each on a service that is its own where it ends the service."""
    done: list[Phase] = []
    service = Service.start()
    try:
        url = str(service.client.base_url)
        done.append(asyncio.run(fire(url, Phase("idle"))))
        service.post("/load/cpu", workers=2, seconds=600)
        done.append(asyncio.run(fire(url, Phase("2 CPU workers"))))
        service.post("/load/memory", mebibytes=256, seconds=600)
        done.append(asyncio.run(fire(url, Phase("2 CPU workers and 256 MiB"))))
    finally:
        service.close()
    for name, event in (("SIGTERM, draining", Service.terminate), ("SIGKILL", Service.kill)):
        service = Service.start(drain_seconds=60)
        try:
            done.append(asyncio.run(_during(service, name, lambda service=service, event=event: event(service))))
        finally:
            service.close()
    return done


if __name__ == "__main__":
    print(json.dumps([phase.figures for phase in phases()]))  # noqa: T201
