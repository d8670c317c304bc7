"""The form of a page: what it is for comes first, what next comes last, it is short, and an index lists it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import REPOSITORY
from tests.support.pages import FENCE, PAGES, links, name_of

if TYPE_CHECKING:
    from pathlib import Path

DOCS = REPOSITORY / "docs"
INDEX = DOCS / "README.md"
FOLDERS = {DOCS / "commands": DOCS / "commands.md", DOCS / "decisions": DOCS / "decisions" / "README.md"}
"""Folder → the page that lists what is in it."""

ALL = [page for page in PAGES if DOCS in page.parents]
RECORD = re.compile(r"\d{4}-")
"""Decision records have a form of their own: tests/docs/test_decisions.py."""

GUIDES = [page for page in ALL if not RECORD.match(page.name)]
LONGEST = 150
LONGEST_README = 120

NEXT = ("## What next\n", "## Next\n")
PROSE = re.compile(r"[A-Z`][^|]*[.:]$", re.DOTALL)


def opening(text: str) -> str:
    """The paragraph under a page's title."""
    parts = text.split("\n\n")
    return parts[1].strip() if parts[0].startswith("# ") and len(parts) > 1 else ""


def closing(text: str) -> str:
    """The last section of a page, with its heading."""
    bare = FENCE.sub("", text)
    at = bare.rfind("\n## ")
    return bare[at:].strip() if at >= 0 else ""


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_a_page_is_at_most_150_lines(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= LONGEST


def test_the_readme_is_under_120_lines() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) < LONGEST_README


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_a_page_begins_with_what_it_is_for(page: Path) -> None:
    assert PROSE.fullmatch(opening(page.read_text()))


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_a_page_ends_with_what_next(page: Path) -> None:
    last = closing(page.read_text())
    assert last.startswith(NEXT)
    assert links(last)


@pytest.mark.parametrize("page", [page for page in ALL if page != INDEX], ids=name_of)
def test_an_index_lists_the_page(page: Path) -> None:
    index = FOLDERS.get(page.parent, INDEX)
    if page == index:
        index = INDEX
    assert page in {(index.parent / link.partition("#")[0]).resolve() for link in links(index.read_text())}


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("# A\n\nThis page says how.\n\n## B\n", True),
        ("# A\n\n| a | b |\n|---|---|\n", False),
        ("# A\n\n## B\n\nText.\n", False),
        ("# A\n\n```sh\nmake up\n```\n", False),
    ],
)
def test_a_page_that_begins_with_something_else_is_seen(text: str, good: bool) -> None:  # as it is
    assert bool(PROSE.fullmatch(opening(text))) == good


def test_a_page_that_ends_with_something_else_is_seen() -> None:
    assert closing("# A\n\n## What next\n\n- [b](b.md)\n\n## C\n\nText.\n") == "## C\n\nText."
    assert closing("# A\n\n## What next\n\n```sh\n## C\n```\n") == "## What next"
