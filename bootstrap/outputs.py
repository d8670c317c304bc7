"""The stack's outputs, from the engine, a file or standard input, checked against the contract."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

from bootstrap.errors import BootstrapError
from infra.contract.outputs import OutputsError, StackOutputs

STANDARD_INPUT = "-"


def read(source: str | None, *, stack: str, project: Path) -> StackOutputs:
    """Read the outputs of a stack that is up.

    Args:
        source: a file with what `pulumi stack output --json` prints, `-` for standard input, None to ask pulumi.
        stack: the stack's name.
        project: the folder of its Pulumi project.

    Raises:
        BootstrapError: there is no such file or stack, or an output is missing or malformed; all are named.
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
        raise BootstrapError(f"{where} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise BootstrapError(f"{where} is {type(document).__name__}, expected an object of outputs")
    try:
        return StackOutputs.parse(cast("dict[str, object]", document))
    except OutputsError as error:
        raise BootstrapError(f"{where}: {error}") from None


def _file(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BootstrapError(f"{path} cannot be read: {error}") from None


def _ask_pulumi(stack: str, project: Path) -> str:
    if not project.is_dir():
        raise BootstrapError(f"{project} is no folder: name the one of the Pulumi project with -C")
    command = ["pulumi", "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(  # noqa: S603 our own arguments
            command, cwd=project, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise BootstrapError(
            "pulumi is not on PATH: install the version that mise.toml names, or give --outputs"
        ) from None
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())
        raise BootstrapError(f"{' '.join(command[:5])} {stack} failed: {said}")
    return done.stdout
