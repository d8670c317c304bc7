"""What yamllint says of the files, asked once for all of them; it is run as a command, because of its licence."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checks import cache
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def problems(tree: Tree, *, use_cache: bool = True) -> tuple[Problem, ...]:
    """All that it finds in the files that Flux may read.

    Args:
        tree: what was read.
        use_cache: whether to believe what yamllint said of the same files and configuration before.

    Raises FleetError when yamllint cannot be run.
    """
    names = sorted(tree.checked)
    own = next((tree.root / name for name in OWN if (tree.root / name).is_file()), DEFAULT)
    basis = (importlib.metadata.version("yamllint"), own.read_bytes(), Path(__file__).read_bytes())
    # A repository's own configuration may refer to other files.
    kept = cache.Cache.of("yamllint", *basis, enabled=use_cache and own == DEFAULT)
    keys = [cache.digest(name, tree.files[name].text, tree.files[name].broken) for name in names]

    def ask(indexes: list[int]) -> list[list[tuple[int, bool, str, str]]]:
        said = _said(tree.root, own, [names[index] for index in indexes])
        return [
            [(each.line, each.is_error, each.message, each.rule) for each in said if each.file == names[index]]
            for index in indexes
        ]

    found = zip(names, kept.verdicts(keys, ask), strict=True)
    return tuple(Problem(name, *problem) for name, problems_of_it in found for problem in problems_of_it)


def _said(root: Path, config: Path, names: Sequence[str]) -> list[Problem]:
    """Each of yamllint's lines."""
    command = [sys.executable, "-m", "yamllint", "--format=parsable", f"--config-file={config.resolve()}", *names]
    done = subprocess.run(  # noqa: S603 our own arguments
        command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    found = [_LINE.fullmatch(line) for line in done.stdout.splitlines()]
    if done.returncode not in (0, 1) or not all(found):
        raise CannotRunError(f"yamllint failed: {' '.join((done.stderr or done.stdout).split())}")
    return [
        Problem(line["file"], int(line["line"]), line["level"] == "error", line["message"], line["rule"] or "")
        for line in found
        if line
    ]
