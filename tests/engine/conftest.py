"""Sandboxes of the engine's tests; whatever happens, none of their accounts outlives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import rehearsal
from tests.support import rehearsals
from tests.support.kills import PACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.rehearsals import Sandbox


@pytest.fixture(scope="session")
def workers_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox a worker: to apply the permanent layer anew for each test would take longer than the tests."""
    made = rehearsals.new(tmp_path_factory.mktemp("shared"))
    yield made
    rehearsal.reset(made.folder)


@pytest.fixture
def sandbox(workers_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox with the config of staging in which nothing is built; other tests have used it, or will."""
    workers_sandbox.configure()
    yield workers_sandbox
    workers_sandbox.clear()


@pytest.fixture
def own_sandbox(make_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """A sandbox with the config of staging for a test that ends its account, or has it begin."""
    return make_sandbox("own")


@pytest.fixture
def make_sandbox(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Makes sandboxes with config of their own."""
    made: list[Sandbox] = []

    def make(name: str, stack: str = "staging", **changes: object) -> Sandbox:
        (tmp_path / name).mkdir()
        made.append(rehearsals.new(tmp_path / name, stack, **changes))
        return made[-1]

    yield make
    for one in made:
        if one.folder.claimed:
            rehearsal.reset(one.folder)


@pytest.fixture(scope="session")
def paced_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox a worker at a pace of AWS's own, with a jump box: a stack of all types."""
    made = rehearsals.new(tmp_path_factory.mktemp("paced"), jumpBox=True)
    yield made
    rehearsal.reset(made.folder)


@pytest.fixture
def paced(paced_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The same with nothing built; what a failed test leaves is not the next one's."""
    paced_sandbox.prepare(**PACE)
    before = paced_sandbox.census()
    yield paced_sandbox
    if paced_sandbox.census() != before:
        rehearsal.reset(paced_sandbox.folder)
