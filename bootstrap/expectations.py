"""What a cluster need not have: an expectation file names kinds that nothing reconciles there, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from bootstrap import yaml_file
from bootstrap.verify import CONTROLLER_OF
from common.errors import CannotRunError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Expectations:
    """What `verify` does not hold a cluster to."""

    not_reconciled: tuple[str, ...] = ()
    """Kinds."""
    why: str = ""


def load(file: Path | None) -> Expectations:
    """Read an expectation file; without one, all is expected.

    Raises:
        FleetError: it cannot be read, or is none.
    """
    if file is None:
        return Expectations()
    data = yaml_file.read(file)
    said = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    kinds = said.get("notReconciled")
    if said.keys() != {"notReconciled", "why"} or not isinstance(kinds, list) or not said["why"]:
        raise CannotRunError(f"{file} must have notReconciled, a list of kinds, and why")
    unknown = [str(kind) for kind in cast("list[Any]", kinds) if kind not in CONTROLLER_OF]
    if unknown:
        raise CannotRunError(f"{file}: unknown kind {', '.join(unknown)}; allowed: {', '.join(CONTROLLER_OF)}")
    return Expectations(tuple(cast("list[str]", kinds)), str(said["why"]))
