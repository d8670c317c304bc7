"""What waits for what in a checkout's stack: its program, run without an engine on the config of its file."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from common.errors import CannotRunError, FleetError
from delivery.timeline import recorder
from infra.config import file_name
from infra.contract import names
from infra.settings import parse_file
from infra.stack_file import config_of

if TYPE_CHECKING:
    from pathlib import Path

    from delivery.timeline.schedule import Waits

PROGRAM = "__main__.py"


def waits(folder: Path, stack: str) -> Waits:
    """The resources that a stack of a project's folder has, each with those that it waits for when it is created.

    Raises:
        CannotRunError: the stack's file or the program is missing or wrong.
    """
    config = config_of(folder / file_name(stack))
    parse_file(config, stack)
    prefix = f"{names.PROJECT}:"
    ours = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    path = folder / PROGRAM
    if not path.is_file():
        raise CannotRunError(f"{path} is missing: -C names the checkout")
    try:
        recording = recorder.run(lambda: runpy.run_path(str(path)), config=ours, preview=True, stack=stack)
    except FleetError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever the program raises
        raise CannotRunError(
            f"{path} does not run with {file_name(stack)}: {error}: see `fleet sandbox preview`"
        ) from None
    return recording.waits
