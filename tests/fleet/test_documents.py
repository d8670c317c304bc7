"""Every command that a page, a workflow or the Makefile names exists, with its options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import REPOSITORY
from tests.support.documented import named, unknown
from tests.support.pages import PAGES, code, name_of

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((REPOSITORY / ".github").rglob("*.yml"))
PACKAGES = ("bootstrap", "checks", "common", "delivery", "fleet", "infra", "permanent", "sandbox", "teardown", "tools")
SOURCES = sorted(path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py"))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_command_of_a_page_exists(path: Path) -> None:
    text = code(path.read_text())
    assert [words for words in named(text) if unknown(words)] == []


def test_a_command_in_a_block_is_typed_as_a_fresh_clone_has_it() -> None:
    """`fleet` alone is on no PATH there: a line to be copied names the file."""
    bare = re.compile(r"^ *(?:\$ )?fleet [a-z]+ ", re.MULTILINE)
    blocks = {
        name_of(path): "\n".join(re.findall(r"(?:^ {4}.*\n)+|^```.*?^```", path.read_text(), re.M | re.S))
        for path in PAGES
    }
    assert {
        name: bare.findall(text) for name, text in blocks.items() if bare.search(text) and "mermaid" not in text
    } == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_command_of_a_workflow_exists(path: Path) -> None:
    commands = [line for line in path.read_text().splitlines() if ".venv/bin/fleet" in line]
    assert [words for words in named("\n".join(commands)) if unknown(words)] == []


def test_a_command_of_the_makefile_exists() -> None:
    lines = [line for line in (REPOSITORY / "Makefile").read_text().splitlines() if "$(FLEET)" in line]
    text = "\n".join(lines).replace("$(FLEET)", "fleet")
    found = [[word for word in words if "$" not in word] for words in named(text)]
    assert found
    assert [words for words in found if unknown(words)] == []


def test_a_command_of_a_message_exists() -> None:
    """What an error or a docstring tells to run, within back quotes; what is filled in is left out."""
    quoted = [each for path in SOURCES for each in re.findall(r"`(fleet [^`\n]+)`", path.read_text())]
    found = [[word for word in words if re.fullmatch(r"[a-z=-]+", word)] for each in quoted for words in named(each)]
    assert found
    assert [words for words in found if unknown(words)] == []


@pytest.mark.parametrize("command", ["nosuch", "teardown nosuch", "teardown run --nosuch", "preview --watchdog"])
def test_what_does_not_exist_is_seen(command: str) -> None:
    assert unknown(command.split()) == command.split()[-1]


def test_what_follows_a_double_dash_is_another_program_s() -> None:
    assert unknown(["sandbox", "preview", "--", "--diff"]) == ""


def test_no_page_or_workflow_names_an_entry_point_that_is_gone() -> None:
    gone = re.compile(r"-m (infra|permanent|checks|teardown|sandbox|tools)(?![.\w])")
    files = [*PAGES, *WORKFLOWS, *SOURCES, REPOSITORY / "Makefile"]
    assert [path.name for path in files if gone.search(path.read_text())] == []
