"""What a command turns into a line and a non-zero exit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the number of SIGINT."""


class FleetError(Exception):
    """Something that a person can act on. The message is one line a problem: what is wrong, and what to do."""

    exit_code: ClassVar[int] = 1
    """1: it failed, or found something. 2: it was used wrongly, or could not run."""


class CannotRunError(FleetError):
    """An option, a setting, a file, a tool or a credential is not there or not right: nothing was done."""

    exit_code = 2


def unreadable(path: Path, error: OSError | UnicodeDecodeError) -> CannotRunError:
    """What to raise for a file that cannot be read as UTF-8."""
    why = error.strerror if isinstance(error, OSError) else f"not UTF-8 at byte {error.start}"
    return CannotRunError(f"{path} cannot be read: {why}")


class UnknownError(FleetError):
    """Who was asked did not say: what is there is unknown, and that is not none."""

    exit_code = 2
