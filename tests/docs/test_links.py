"""Every link, back-quoted path and `make` target of a page exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bootstrap.secrets import WANTED
from tests.support.checkout import REPOSITORY
from tests.support.pages import PAGES, anchors, code, links, name_of, paths

if TYPE_CHECKING:
    from pathlib import Path

IGNORED = tuple(line.rstrip("/") for line in (REPOSITORY / ".gitignore").read_text().splitlines())
"""What the commands make: it need not be there."""

EXAMPLE = "hello"
"""The application that docs/add-an-app.md adds: its files are not there."""

OBJECTS = {secret.label for secret in WANTED}
"""Secrets, which Kubernetes names as paths are named."""

TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
MAKE = re.compile(r"(?:^|[\s`(])make ([a-z][a-z-]*)")

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def leads_nowhere(page: Path, link: str) -> bool:
    """Whether a link's file is missing, or its heading."""
    target, _, heading = link.partition("#")
    path = (page.parent / target).resolve() if target else page
    if not path.exists():
        return True
    return bool(heading) and heading not in anchors(path.read_text())


def is_missing(page: Path, path: str) -> bool:
    """Whether no file is at a path, seen from the repository, from k8s/ or from the page's own folder."""
    if path.partition("/")[0] in IGNORED or path in OBJECTS or EXAMPLE in path:
        return False
    return not any(any(folder.glob(path)) for folder in (REPOSITORY, REPOSITORY / "k8s", page.parent))


@every_page
def test_a_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert [link for link in links(page.read_text()) if leads_nowhere(page, link)] == []


@every_page
def test_a_back_quoted_path_exists(page: Path) -> None:
    assert [path for path in paths(page.read_text()) if is_missing(page, path)] == []


@every_page
def test_a_target_of_make_exists(page: Path) -> None:
    assert set(MAKE.findall(code(page.read_text()))) - TARGETS == set()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[a](docs/missing.md)", ["docs/missing.md"]),
        ("[a](README.md#no-such-heading)", ["README.md#no-such-heading"]),
        ("[a](#no-such-heading)", ["#no-such-heading"]),
        ("[a](docs/k8s.md#secrets), [b](https://example.com/x)", []),
    ],
)
def test_a_wrong_link_is_found(text: str, wrong: list[str]) -> None:
    assert [link for link in links(text) if leads_nowhere(REPOSITORY / "README.md", link)] == wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`infra/missing.py` and `elsewhere/file.py`", ["infra/missing.py", "elsewhere/file.py"]),
        ("`infra/contract/` and `tests/nowhere/`", ["tests/nowhere/"]),
        ("`tools/<name>/go.mod` and `tools/<name>/go.work`", ["tools/*/go.work"]),
        ("`.teardown/staging.json`, `aws/eks`, `kubernetes.io/cluster`, `make test`", []),
    ],
)
def test_a_wrong_path_is_found(text: str, wrong: list[str]) -> None:
    assert [path for path in paths(text) if is_missing(REPOSITORY / "README.md", path)] == wrong
