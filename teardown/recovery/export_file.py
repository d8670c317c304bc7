"""The state as it was before a recovery, kept until verify is sure: `.teardown/<stack>.export.json`.

`pulumi stack import` drops pending operations, so from then on this file alone says what a killed run was making.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from common.errors import FleetError, UnknownError
from teardown.recovery import deployment

if TYPE_CHECKING:
    from pathlib import Path

    from teardown.recovery.deployment import Deployment, Operation


def path_of(captured: Path) -> Path:
    """Where the export is kept: next to the captured target."""
    return captured.with_suffix(".export.json")


def remembered(path: Path, now: Deployment) -> list[Operation]:
    """The operations of a kept export that the state neither lists nor knows as pending any more.

    Raises:
        FleetError: the file cannot be read.
    """
    try:
        kept = deployment.parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, UnknownError):
        raise FleetError(
            f"{path} is not a kept export: look at it, and remove it once nothing in it is left in AWS"
        ) from None
    known = {each["urn"] for each in now.resources} | {each.urn for each in now.pending}
    return [each for each in kept.pending if each.urn not in known]


def keep(path: Path, now: Deployment) -> None:
    """Write the export, readable by its owner alone, whole or not at all. What was remembered stays in it.

    One without pending operations says less than the file that may be there, and is not written.

    Raises:
        FleetError: the file cannot be written, or the one that is there cannot be read.
    """
    if not now.pending:
        return
    told = now.with_pending([*now.pending, *remembered(path, now)]).text()
    draft = path.with_suffix(".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(told)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise FleetError(f"{path} cannot be written: {error.strerror}") from None


def remove(path: Path) -> None:
    """Forget the export: it is verified that nothing is left."""
    with suppress(FileNotFoundError):
        path.unlink()
