"""The service's routes."""

import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from load_harness.jobs import UNITS, CapacityError, Job, Jobs
from load_harness.metrics import Metrics
from load_harness.observing import Observing
from load_harness.settings import Settings


class Load(BaseModel):
    """What is asked for of every job; the settings bound it further."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: Annotated[int, Field(ge=1)] = 60


class CpuLoad(Load):
    """Processes that keep cores busy."""

    workers: Annotated[int, Field(ge=1)] = 1
    intensity: Annotated[float, Field(ge=0.05, le=1)] = 1.0
    """The share of the time in which each is busy."""


class MemoryLoad(Load):
    """Memory that is held."""

    mebibytes: Annotated[int, Field(ge=1)] = 64


class Shown(BaseModel):
    """A job that runs."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: str
    amount: int
    unit: str
    intensity: float
    seconds: int
    seconds_left: float
    started: datetime

    @classmethod
    def of(cls, job: Job) -> Self:
        """A job as it is shown."""
        return cls.model_validate(job)


@dataclass
class Readiness:
    """Whether the pod wants traffic."""

    started: bool = False
    draining: bool = False

    @property
    def status(self) -> str:
        """One word for it."""
        return "draining" if self.draining else "ready" if self.started else "starting"


def build(settings: Settings, readiness: Readiness) -> FastAPI:
    """The ASGI application."""
    cpu = Jobs("cpu", settings.max_cpu_workers)
    memory = Jobs("memory", settings.max_memory_mebibytes)
    metrics = Metrics(settings.app_version, cpu, memory)
    metrics.draining.set_function(lambda: readiness.draining)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        readiness.started = True
        yield
        readiness.draining = True
        for jobs in (cpu, memory):
            await jobs.stop_all()

    app = FastAPI(title="load-harness", version=settings.app_version, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Observing, metrics=metrics)
    app.include_router(_open_routes(settings, readiness, metrics))

    async def start_cpu(load: CpuLoad) -> Job:
        _bound("seconds", load.seconds, settings.max_seconds)
        _bound("workers", load.workers, settings.max_cpu_workers)
        return await _started(cpu, readiness, load.workers, load.seconds, load.intensity)

    async def start_memory(load: MemoryLoad) -> Job:
        _bound("seconds", load.seconds, settings.max_seconds)
        _bound("mebibytes", load.mebibytes, settings.max_memory_mebibytes)
        return await _started(memory, readiness, load.mebibytes, load.seconds)

    key = Depends(_key(settings))
    app.include_router(_jobs_routes(cpu, start_cpu), dependencies=[key])
    app.include_router(_jobs_routes(memory, start_memory), dependencies=[key])
    return app


def _open_routes(settings: Settings, readiness: Readiness, metrics: Metrics) -> APIRouter:
    """What needs no key: it makes no load, and tells no secret."""
    router = APIRouter()

    @router.get("/")
    async def info() -> dict[str, Any]:
        return {
            "name": "load-harness",
            "version": settings.app_version,
            "environment": settings.environment,
            "pod": settings.hostname,
            "cores": len(os.sched_getaffinity(0)),
            "limits": {
                "cpu_workers": settings.max_cpu_workers,
                "memory_mebibytes": settings.max_memory_mebibytes,
                "seconds": settings.max_seconds,
            },
        }

    @router.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/ready")
    async def ready(response: Response) -> dict[str, str]:
        response.status_code = 200 if readiness.status == "ready" else 503
        return {"status": readiness.status}

    @router.get("/version")
    async def version() -> dict[str, str]:
        return {"version": settings.app_version, "pod": settings.hostname}

    @router.get("/metrics")
    async def expose() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _jobs_routes(jobs: Jobs, start: Callable[..., Awaitable[Job]]) -> APIRouter:
    """The routes of one kind of job: the same for each, but for what a job is asked for with."""
    router = APIRouter(prefix=f"/load/{jobs.kind}")

    async def found(job_id: str) -> Job:
        job = jobs.get(job_id)
        if job is None:
            raise HTTPException(
                404, f"no {jobs.kind} job {job_id} runs here: GET /load/{jobs.kind} lists those that do"
            )
        return job

    @router.post("", status_code=201)
    async def begin(job: Annotated[Job, Depends(start)], response: Response) -> Shown:
        response.headers["location"] = f"/load/{jobs.kind}/{job.id}"
        return Shown.of(job)

    @router.get("")
    async def listed() -> list[Shown]:
        return [Shown.of(job) for job in jobs.running]

    @router.get("/{job_id}")
    async def one(job: Annotated[Job, Depends(found)]) -> Shown:
        return Shown.of(job)

    @router.delete("")
    async def stop_all() -> list[Shown]:
        return [Shown.of(job) for job in await jobs.stop_all()]

    @router.delete("/{job_id}")
    async def stop(job: Annotated[Job, Depends(found)]) -> Shown:
        await jobs.stop(job)
        return Shown.of(job)

    return router


def _bound(name: str, value: int, most: int) -> None:
    if value > most:
        raise HTTPException(422, f"{name} is {value}: at most {most}")


async def _started(jobs: Jobs, readiness: Readiness, amount: int, seconds: int, intensity: float = 1.0) -> Job:
    if readiness.draining:
        raise HTTPException(503, "this pod is going: ask again, and another one answers")
    try:
        return await jobs.start(amount, seconds, intensity)
    except CapacityError as full:
        unit = UNITS[jobs.kind]
        raise HTTPException(
            429,
            f"{amount} {unit} are asked for, {full.free} of {jobs.capacity} are free: stop a job, or wait",
            headers={"retry-after": str(full.retry_after)},
        ) from None
    except OSError as error:
        raise HTTPException(503, f"the system gives no process: {error.strerror}") from None


def _key(settings: Settings) -> Callable[..., Awaitable[None]]:
    expected = settings.api_key

    async def check(x_api_key: Annotated[str, Header()] = "") -> None:
        if expected is None:
            return
        # In constant time: how long a wrong key takes tells nothing of the right one.
        if not secrets.compare_digest(x_api_key.encode(), expected.get_secret_value().encode()):
            raise HTTPException(401, "the header X-API-Key is missing or wrong", headers={"www-authenticate": "ApiKey"})

    return check
