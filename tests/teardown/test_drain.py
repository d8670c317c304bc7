"""A wait of the drain ends with what is stuck, or says that it could not look."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from common.console import Console, Progress
from common.errors import UnknownError
from teardown.drain import Drained, wait

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def progress(monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setattr("common.console.PAUSE", 0)
    return Progress(Console(file=io.StringIO()))


def first_then_fails(error: Exception) -> Callable[[], list[str]]:
    """Sees something once, and cannot look again."""
    looks = iter([["load balancer a"]])

    def look() -> list[str]:
        for seen in looks:
            return seen
        raise error

    return look


def test_a_call_to_aws_that_fails_is_unknown_and_not_a_deadline(progress: Progress) -> None:
    done = Drained()
    with pytest.raises(UnknownError, match="throttled"):
        wait(progress, "AWS", 60, first_then_fails(UnknownError("throttled")), done)
    assert done.stuck == []


def test_what_is_there_at_the_deadline_is_stuck(progress: Progress) -> None:
    done = Drained()
    wait(progress, "AWS", -1, lambda: ["load balancer a"], done)
    assert done.stuck == ["load balancer a"]
