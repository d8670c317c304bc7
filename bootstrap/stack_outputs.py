"""The stack's outputs, from the engine, a file or standard input, checked against the contract."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import cast

from common.errors import CannotRunError, unreadable
from common.pulumi.runner import Stack
from infra.contract.outputs import OutputsError, StackOutputs

STANDARD_INPUT = "-"


class NotUpError(CannotRunError):
    """The stack has no outputs, or not all of the contract's: it is not up."""


def read(source: str | None, *, stack: str, project: Path) -> StackOutputs:
    """Read the outputs of a stack that is up.

    Args:
        source: a file with what `pulumi stack output --json` prints, `-` for standard input, None to ask pulumi.
        stack: the stack's name.
        project: the folder of its Pulumi project.

    Raises:
        NotUpError: an output is missing or malformed; all are named.
        FleetError: there is no such file or stack.
    """
    if source is None:
        where, text = f"pulumi stack output --stack {stack}", _ask_pulumi(stack, project)
    elif source == STANDARD_INPUT:
        where, text = "standard input", sys.stdin.read()
    else:
        where, text = source, _file(Path(source))
    try:
        document: object = json.loads(text)
    except ValueError as error:
        raise CannotRunError(f"{where} is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise CannotRunError(f"{where} is {type(document).__name__}, expected an object of outputs")
    try:
        return StackOutputs.parse(cast("dict[str, object]", document))
    except OutputsError as error:
        raise NotUpError(f"{where}: {error}") from None


def _file(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None


def _ask_pulumi(stack: str, project: Path) -> str:
    if not project.is_dir():
        raise CannotRunError(f"{project} is not a folder: name the Pulumi project's folder with -C")
    return Stack(project, stack).outputs()
