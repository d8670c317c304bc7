"""`python -m sandbox.engine.build TOOL` prints the path of a tool that is built from its folder in tools/."""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

from sandbox.engine import pulumi
from sandbox.engine.tools import GoTool, ensure
from sandbox.errors import SandboxError
from sandbox.folder import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTIONLINT = GoTool(
    name="actionlint",
    folder=REPOSITORY / "tools" / "actionlint",
    package="github.com/rhysd/actionlint/cmd/actionlint",
    module="github.com/rhysd/actionlint",
    minutes=0.2,
    why="linting the workflows",
)

TOOLS: Mapping[str, GoTool] = MappingProxyType({tool.name: tool for tool in (pulumi.TOOL, ACTIONLINT)})
"""By name, which is also that of their folder in tools/."""


def main(arguments: list[str]) -> int:
    """Print the path of the one tool that is named, built first if it has to be; gives the exit code."""
    try:
        print(ensure(_named(arguments), _say))  # noqa: T201  # what the command is for
    except SandboxError as error:
        _say(str(error))
        return 1
    return 0


def _named(arguments: list[str]) -> GoTool:
    if len(arguments) != 1 or arguments[0] not in TOOLS:
        raise SandboxError(f"{' '.join(arguments) or 'nothing'} is no tool to build: name one of {', '.join(TOOLS)}")
    return TOOLS[arguments[0]]


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
