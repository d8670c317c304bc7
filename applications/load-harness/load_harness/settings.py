"""The service's settings, each an environment variable of its name in capitals."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from load_harness.jobs import INTERPRETER

Seconds = Annotated[int, Field(ge=0, le=3600)]
SHORTEST_KEY = 16
"""Characters."""


class SettingsError(Exception):
    """A setting is missing or wrong; its text names it and says what to do."""


class Settings(BaseSettings):
    """All settings, with the bounds of the load that one pod makes."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    host: str = "0.0.0.0"  # noqa: S104  # a pod is reached at its own address alone
    port: Annotated[int, Field(ge=1, le=65535)] = 5000
    metrics_port: Annotated[int, Field(ge=1, le=65535)] = 5001
    """Serves /metrics alone, which `port` does not: a load balancer sends requests to `port`."""
    environment: str = "local"
    app_version: str = "v0.0.0"
    hostname: str = "unknown"
    """The pod's name, which Kubernetes gives its containers."""

    api_key: SecretStr | None = None
    api_key_required: bool = True

    max_cpu_workers: Annotated[int, Field(ge=1, le=64)] = 4
    """Processes that all CPU jobs together may have; each takes up to one core."""
    max_memory_mebibytes: Annotated[int, Field(gt=INTERPRETER, le=65536)] = 512
    """What all memory jobs together may take, the interpreter of each included."""
    max_jobs: Annotated[int, Field(ge=1, le=64)] = 16
    """Jobs of one kind that may run at the same time."""
    max_seconds: Annotated[int, Field(ge=1, le=86400)] = 900
    """The longest job."""
    max_delay_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """The longest delay of an answer. A load balancer gives up after its idle timeout, 60 s by default."""

    body_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """How long a request's body may take to arrive."""
    keep_alive_seconds: Annotated[int, Field(ge=1, le=3600)] = 75
    """How long an idle connection is kept. Longer than the load balancer does, 60 s by default: else it sends a request
    into a connection that is just being closed, and answers 502."""

    drain_seconds: Seconds = 5
    """How long requests are still taken after SIGTERM, while /ready says no."""
    shutdown_seconds: Seconds = 10
    """How long requests that are being answered may take after that."""

    @model_validator(mode="after")
    def _ports(self) -> Self:
        if self.port == self.metrics_port:
            raise ValueError(f"METRICS_PORT is {self.metrics_port}, like PORT: set another one")
        return self

    @model_validator(mode="after")
    def _key(self) -> Self:
        if self.api_key is None and self.api_key_required:
            raise ValueError("API_KEY is missing: set it, or API_KEY_REQUIRED=false where nobody else reaches the port")
        if self.api_key is not None and len(self.api_key.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"API_KEY is too short: it needs at least {SHORTEST_KEY} characters")
        return self


def load() -> Settings:
    """The settings of the environment. Raises SettingsError with one line."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "".join(str(part).upper() for part in first["loc"][:1])
        text = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name}: {text}" if name else text) from None
