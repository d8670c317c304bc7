"""The stacks that a scheduled workflow works on, for its matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from delivery import scope
from infra import always_on
from infra.settings import parse_file
from infra.stack_file import config_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Stacks:
    """Those that were chosen, and what to say about others."""

    names: Sequence[str]
    notices: Sequence[str] = ()


def choose(folder: Path, *, only: str, nightly: bool) -> Stacks:
    """Choose among the stacks that have a file.

    Args:
        folder: of the project.
        only: names with commas between, which somebody asked for; empty: all.
        nightly: leave out those that have no night, unless somebody asked for them.

    Raises:
        FleetError: a name has no file, or a file is not valid: a stack is not left up because nobody can read its file.
    """
    every = scope.stacks(folder)
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    for name in wanted:
        if name not in every:
            raise CannotRunError(f"no stack {name}: Pulumi.{name}.yaml is missing; there are {', '.join(every)}")
    if wanted or not nightly:
        return Stacks(wanted or every)
    said = {name: always_on.notice(parse_file(config_of(folder / f"Pulumi.{name}.yaml"), name)) for name in every}
    return Stacks([name for name in every if not said[name]], [notice for notice in said.values() if notice])
