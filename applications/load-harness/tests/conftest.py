"""Services that do not outlive their tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(**settings: object) -> Service:
        started.append(Service.start(**settings))
        return started[-1]

    yield start
    for service in started:
        service.close()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One for a whole file."""
    started = Service.start(max_cpu_workers=3, max_memory_mebibytes=80, max_seconds=120, app_version="v1.2.3")
    yield started
    started.close()
