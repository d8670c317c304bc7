"""The service's routes."""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp

from load_harness import cores
from load_harness.bodies import Bodies
from load_harness.jobs import CapacityError, Job, Jobs
from load_harness.metrics import Metrics
from load_harness.observing import Observing
from load_harness.ports import Ports
from load_harness.settings import Settings


class Load(BaseModel):
    """What is asked for of every job; the settings bound it further."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: Annotated[int, Field(ge=1)] = 60


class CpuLoad(Load):
    """Processes that keep cores busy."""

    workers: Annotated[int, Field(ge=1)] = 1
    intensity: Annotated[float, Field(ge=0.05, le=1, allow_inf_nan=False)] = 1.0
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
    enabled: bool = True
    """False while somebody has switched it off."""
    draining: bool = False

    @property
    def status(self) -> str:
        """One word for it."""
        if self.draining:
            return "draining"
        if not self.started:
            return "starting"
        return "ready" if self.enabled else "disabled"


def build(settings: Settings, readiness: Readiness) -> ASGIApp:
    """The ASGI application of both ports."""
    cpu = Jobs("cpu", settings.max_cpu_workers, settings.max_jobs)
    memory = Jobs("memory", settings.max_memory_mebibytes, settings.max_jobs)
    metrics = Metrics(settings.app_version, cpu, memory)
    metrics.draining.set_function(lambda: readiness.draining)
    metrics.ready.set_function(lambda: readiness.status == "ready")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        readiness.started = True
        yield
        readiness.draining = True
        for jobs in (cpu, memory):
            await jobs.stop_all()

    app = FastAPI(title="load-harness", version=settings.app_version, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Bodies, seconds=settings.body_seconds)
    app.add_middleware(Observing, metrics=metrics)
    app.add_exception_handler(RequestValidationError, _refuse)
    app.include_router(_open_routes(settings, readiness, memory))

    async def start_cpu(load: Annotated[CpuLoad, Body(default_factory=CpuLoad)]) -> Job:
        _bound("seconds", load.seconds, settings.max_seconds)
        _bound("workers", load.workers, cpu.largest)
        return await _started(cpu, readiness, load.workers, load.seconds, load.intensity)

    async def start_memory(load: Annotated[MemoryLoad, Body(default_factory=MemoryLoad)]) -> Job:
        _bound("seconds", load.seconds, settings.max_seconds)
        _bound("mebibytes", load.mebibytes, memory.largest)
        return await _started(memory, readiness, load.mebibytes, load.seconds)

    keyed = _keyed(settings)
    app.include_router(_jobs_routes(cpu, start_cpu, keyed))
    app.include_router(_jobs_routes(memory, start_memory, keyed))
    app.include_router(_answer_routes(settings, readiness, keyed))
    return Ports(app, metrics.registry, settings.metrics_port)


def _open_routes(settings: Settings, readiness: Readiness, memory: Jobs) -> APIRouter:
    """What needs no key: it changes nothing, and tells no secret."""
    router = APIRouter()

    @router.get("/")
    async def info() -> dict[str, Any]:
        return {
            "name": "load-harness",
            "version": settings.app_version,
            "environment": settings.environment,
            "pod": settings.hostname,
            "cores": cores.count(),
            "limits": {
                "cpu_workers": settings.max_cpu_workers,
                "memory_mebibytes": memory.largest,
                "jobs": settings.max_jobs,
                "seconds": settings.max_seconds,
                "delay_seconds": settings.max_delay_seconds,
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

    return router


def _answer_routes(settings: Settings, readiness: Readiness, keyed: type[APIRoute]) -> APIRouter:
    """Answers that are as bad as they are asked for, so that panels, alerts and probes can be seen to work."""
    router = APIRouter(route_class=keyed)

    @router.get("/status/{code}")
    async def status(code: Annotated[int, Path(ge=200, le=599)]) -> Response:
        # RFC 9110: these have no content.
        if code in {204, 205, 304}:
            return Response(status_code=code)
        return _json({"status": code}, code)

    @router.get("/delay/{seconds}")
    async def delay(seconds: Annotated[float, Path(ge=0, allow_inf_nan=False)]) -> dict[str, float]:
        _bound("seconds", seconds, settings.max_delay_seconds)
        await asyncio.sleep(seconds)
        return {"delay": seconds}

    @router.post("/ready/{switch}")
    async def switch_readiness(switch: Literal["enable", "disable"]) -> dict[str, str]:
        readiness.enabled = switch == "enable"
        return {"status": readiness.status, "pod": settings.hostname}

    return router


def _jobs_routes(jobs: Jobs, start: Callable[..., Awaitable[Job]], keyed: type[APIRoute]) -> APIRouter:
    """The routes of one kind of job: the same for each, but for what a job is asked for with."""
    router = APIRouter(prefix=f"/load/{jobs.kind}", route_class=keyed)

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


def _json(content: object, code: int) -> Response:
    """A response in ASCII, whatever the text in it."""
    return Response(json.dumps(content), code, media_type="application/json")


async def _refuse(_request: Request, error: Exception) -> Response:
    """Say what is wrong with a request, without what it had: NaN or half a character could not be answered with."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as registered
    shown = [{key: problem[key] for key in ("type", "loc", "msg")} for problem in error.errors()]
    return _json({"detail": shown}, 422)


def _bound(name: str, value: float, most: int) -> None:
    if value > most:
        raise HTTPException(422, f"{name} is {value}: at most {most}")


async def _started(jobs: Jobs, readiness: Readiness, amount: int, seconds: int, intensity: float = 1.0) -> Job:
    if readiness.draining:
        raise HTTPException(503, "this pod is going: ask again, and another one answers")
    try:
        return await jobs.start(amount, seconds, intensity)
    except CapacityError as full:
        raise HTTPException(429, str(full), headers={"retry-after": str(full.retry_after)}) from None
    except OSError as error:
        raise HTTPException(503, f"the system gives no process: {error.strerror}") from None


def _keyed(settings: Settings) -> type[APIRoute]:
    """The class of the routes that need the key."""
    expected = None if settings.api_key is None else settings.api_key.get_secret_value().encode()

    class Keyed(APIRoute):
        """Looks at the key before anything else of a request, so that nobody's body is read without it."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def check(request: Request) -> Response:
                given = request.headers.get("x-api-key", "").encode("latin-1")  # the bytes that were sent
                # In constant time: how long a wrong key takes tells nothing of the right one.
                if expected is not None and not secrets.compare_digest(given, expected):
                    headers = {"www-authenticate": "ApiKey"}
                    raise HTTPException(401, "the header X-API-Key is missing or wrong", headers=headers)
                return await handle(request)

            return check

    return Keyed
