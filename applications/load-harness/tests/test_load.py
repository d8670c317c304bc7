"""A bounded load: nothing is refused or lost while the service works or drains, and all of it once it is killed."""

from __future__ import annotations

import pytest

from tests.load import REQUESTS, Phase, phases


@pytest.fixture(scope="module")
def done() -> dict[str, Phase]:
    return {phase.name: phase for phase in phases()}


@pytest.mark.parametrize("name", ["idle", "2 CPU workers", "2 CPU workers and 256 MiB", "SIGTERM, draining"])
def test_every_request_is_answered(done: dict[str, Phase], name: str) -> None:
    assert dict(done[name].statuses) == {200: REQUESTS}


def test_a_service_that_is_killed_answers_nothing_more(done: dict[str, Phase]) -> None:
    phase = done["SIGKILL"]
    assert set(phase.statuses) <= {0, 200}
    assert REQUESTS // 4 <= phase.statuses[200] < REQUESTS
