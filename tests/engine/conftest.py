"""Sandboxes of the engine's tests; whatever happens, none of their accounts outlives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import rehearsal
from tests.support import rehearsals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.rehearsals import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with the config of staging."""
    made = rehearsals.new(tmp_path)
    yield made
    if made.folder.claimed:
        rehearsal.reset(made.folder)


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
