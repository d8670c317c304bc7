"""The pages of the documentation, and what a test reads in them: links, headings, back-quoted paths and tables."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

TOP = tuple(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))
PAGES = sorted([*TOP, *(REPOSITORY / "docs").rglob("*.md")])

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"```[\s\S]*?```|`[^`\n]+`|^ {4}.+$", re.MULTILINE)
DRAWING = re.compile(r"^```mermaid\n.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"\.?[\w*-][\w.*-]*(/[\w.*-]+)+/?|[\w*-][\w.*-]*/")
PLACEHOLDER = re.compile(r"<[^<>]+>")
FILE = re.compile(r"\.(py|md|yaml|yml|json|toml|txt|mod|sum|go)$")


def name_of(page: Path) -> str:
    """The page's path in the repository."""
    return page.relative_to(REPOSITORY).as_posix()


def files() -> list[str]:
    """The files of the repository: those that git tracks, and new ones that it does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output(command, cwd=REPOSITORY, text=True).splitlines()
    return [name for name in listed if (REPOSITORY / name).is_file()]


def code(text: str) -> str:
    """What a page shows as code, drawings aside."""
    return "\n".join(part.strip("`") for part in CODE.findall(DRAWING.sub("", text)))


def links(text: str) -> list[str]:
    """The links of a page to other pages and to its own headings."""
    return [link for link in LINK.findall(FENCE.sub("", text)) if "://" not in link]


def anchors(text: str) -> set[str]:
    """What GitHub makes of a page's headings."""
    titles: list[str] = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def paths(text: str) -> list[str]:
    """The back-quoted paths of a page, with `*` for a placeholder such as `<name>`; addresses and keys are none."""
    quoted = [PLACEHOLDER.sub("*", part) for part in QUOTED.findall(FENCE.sub("", text))]
    first = {name.partition("/")[0] for name in files()}
    return [part for part in quoted if PATH.fullmatch(part) and (part.split("/")[0] in first or FILE.search(part))]


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head.

    Raises:
        AssertionError: the page has no such heading.
    """
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, heading
    table = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
