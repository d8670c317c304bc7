"""The decision records: numbered without gaps, of one form, in the index, and named by what they are."""

from __future__ import annotations

import re

import pytest

from tests.support.checkout import REPOSITORY
from tests.support.pages import files

FOLDER = REPOSITORY / "docs" / "decisions"
INDEX = FOLDER / "README.md"
RECORDS = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)
NAMES = [path.name for path in RECORDS]

FORM = re.compile(r"# (?P<number>\d+)\. \S.*\n\n\*\*Decided\.\*\* .*\n\*\*What it costs\.\*\* ", re.DOTALL)
MENTION = re.compile(r"decisions/(\d[\w.-]*)")
LABEL = re.compile(r"\[(?:decision )?(\d+)\]\((?:\S*/)?(\d{4})-")


def test_the_numbers_have_no_gap() -> None:
    assert [name.partition("-")[0] for name in NAMES] == [f"{number:04}" for number in range(1, len(NAMES) + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_a_record_has_its_number_what_was_decided_why_and_what_it_costs(name: str) -> None:
    text = (FOLDER / name).read_text()
    form = FORM.match(text)
    assert form
    assert int(form["number"]) == int(name[:4])
    assert text.count("\n**Decided.** ") == 1
    assert text.count("\n**Why.** ") == 1
    assert text.count("\n**What it costs.** ") == 1
    assert "**Status:**" not in text


def test_the_index_lists_every_record_once_and_in_order() -> None:
    listed = re.findall(r"^\| \[(\d+)\]\((\S+)\) \| \S.* \|$", INDEX.read_text(), re.MULTILINE)
    assert listed == [(str(number), name) for number, name in enumerate(NAMES, 1)]


def test_every_file_that_names_a_record_names_one_that_exists() -> None:
    named = {
        (name, record.rstrip("."))
        for name in files()
        if name.endswith((".md", ".py", ".yaml", ".yml", ".toml", "Makefile"))
        for record in MENTION.findall((REPOSITORY / name).read_text())
    }
    assert len(named) > len(NAMES) // 2
    assert {(name, record) for name, record in named if record not in NAMES} == set()


def test_a_link_that_says_a_record_s_number_leads_to_it() -> None:
    found = [
        (name, said, number)
        for name in files()
        if name.endswith(".md")
        for said, number in LABEL.findall((REPOSITORY / name).read_text())
    ]
    assert found
    assert [each for each in found if int(each[1]) != int(each[2])] == []
