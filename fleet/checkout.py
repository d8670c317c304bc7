"""Which checkout a command works on: the one that is named, or the one around the current folder."""

from __future__ import annotations

from pathlib import Path

from common.console import Console
from common.errors import CannotRunError

MARKS = ("Pulumi.yaml", "__main__.py", "fleet/__init__.py")
"""What the top of a checkout has, and no folder beneath it."""

CODE = Path(__file__).resolve().parents[1]
"""Where this code lies: what a command works on may be another checkout."""


def find(given: Path | None) -> Path:
    """The folder to work on.

    Args:
        given: what a person named: taken as it is. None: the checkout around the current folder, or that folder.

    Raises:
        CannotRunError: what was named is not a folder.
    """
    if given is not None:
        if not given.is_dir():
            raise CannotRunError(f"-C {given} is not a folder")
        return given.resolve()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if is_checkout(folder)), here)


def is_checkout(folder: Path) -> bool:
    """Whether a folder is the top of a checkout."""
    return all((folder / mark).is_file() for mark in MARKS)


def chosen(given: Path | None) -> Path:
    """The folder to work on, and a word to the person if the code is another checkout's. For Typer's callback."""
    folder = find(given)
    if is_checkout(folder) and folder != CODE:
        Console().print(f"working on {folder} with the code of {CODE}")
    return folder
