"""`python -m tools TOOL` prints the path of a tool, which is built first if it has to be."""

from __future__ import annotations

import sys

from tools.build import find
from tools.catalogue import TOOLS
from tools.errors import ToolError


def main(arguments: list[str]) -> int:
    """Print the path of the one tool that is named, built first if it has to be; gives the exit code."""
    match arguments:
        case [name] if name in TOOLS:
            try:
                print(find(TOOLS[name], _say))  # noqa: T201  # what the command is for
            except ToolError as error:
                _say(str(error))
                return 1
            return 0
        case _:
            _say(f"{' '.join(arguments) or 'nothing'} is no tool to build: name one of {', '.join(TOOLS)}")
            return 1


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
