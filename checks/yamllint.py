"""What yamllint says of the files, asked once for all of them; it is run as a command, because of its licence."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import CannotRunError

if TYPE_CHECKING:
    from checks.tree import Tree

OWN = (".yamllint", ".yamllint.yaml", ".yamllint.yml")
"""Where a repository's own configuration of yamllint lies."""

DEFAULT = Path(__file__).parent / "yamllint.yaml"

DUPLICATES = frozenset({"key-duplicates"})
FATAL = frozenset({"", "syntax"})
"""The rules of what cannot be read at all."""

_LINE = re.compile(r"(?P<file>.+?):(?P<line>\d+):\d+: \[(?P<level>\w+)\] (?P<message>.*?)(?: \((?P<rule>[\w-]+)\))?")


@dataclass(frozen=True)
class Problem:
    """One of yamllint's lines."""

    file: str
    line: int
    is_error: bool
    message: str
    rule: str
    """Empty if it is not YAML at all."""


def problems(tree: Tree) -> tuple[Problem, ...]:
    """All that it finds in the files that Flux may read. Raises FleetError when it cannot be run."""
    names = sorted(tree.checked)
    if not names:
        return ()
    own = next((tree.root / name for name in OWN if (tree.root / name).is_file()), DEFAULT)
    command = [sys.executable, "-m", "yamllint", "--format=parsable", f"--config-file={own.resolve()}", *names]
    done = subprocess.run(  # noqa: S603 our own arguments
        command, cwd=tree.root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    found = [_LINE.fullmatch(line) for line in done.stdout.splitlines()]
    if done.returncode not in (0, 1) or not all(found):
        raise CannotRunError(f"yamllint failed: {' '.join((done.stderr or done.stdout).split())}")
    return tuple(
        Problem(line["file"], int(line["line"]), line["level"] == "error", line["message"], line["rule"] or "")
        for line in found
        if line
    )
