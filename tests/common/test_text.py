"""Text of somebody else obeys nobody: it stays one line, of limited length, without markup, in every sink."""

from __future__ import annotations

import io
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import summary, text
from common.console import Console, give, give_json
from tests.common.hostile import HOSTILE, obeyed

ANYTHING = st.one_of(
    st.text(max_size=400),
    st.text(st.sampled_from("\x1b\x9b[]0;31mJ\x07\\:#\r\n\u2028\u202e\u200b%0A@|`<>w.x"), max_size=60),
    st.sampled_from(HOSTILE),
)
FORBIDDEN = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs", "Cn"}


@given(ANYTHING, st.integers(1, 300))
def test_a_cleaned_text_is_one_bounded_line_that_prints(value: str, limit: int) -> None:
    cleaned = text.clean(value, limit)
    assert len(cleaned) <= limit
    assert len(cleaned.splitlines()) <= 1
    assert not {unicodedata.category(char) for char in cleaned} & FORBIDDEN
    assert cleaned.encode("utf-8").decode() == cleaned
    assert not obeyed(cleaned)


@given(ANYTHING, st.integers(1, 300))
def test_cleaning_again_changes_nothing(value: str, limit: int) -> None:
    cleaned = text.clean(value, limit)
    assert text.clean(cleaned, limit) == cleaned


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=100).filter(str.isascii))
def test_what_is_plain_stays_as_it_is(value: str) -> None:
    if "##[" not in value and not value.startswith("::"):
        assert text.clean(value) == value


def test_what_is_hidden_is_shown_and_what_is_cut_says_so() -> None:
    assert text.clean("stag\u200bing") != "staging"
    assert text.clean("a\u2800b\ufe0fc") == "a\ufffdb\ufffdc"
    assert text.clean("x" * 400) == "x" * 299 + "…"
    assert text.clean("x" * 400, None) == "x" * 400
    assert text.clean("a\nb\r\nc\u2028d\te") == "a b c d e"


def test_colours_titles_and_links_of_a_terminal_leave_nothing() -> None:
    said = "\x1b[31;1mred\x1b[0m \x1b]0;title\x07\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\ \x9b2J\x1bc"
    assert text.clean(said) == "red link "


@given(ANYTHING)
def test_markdown_of_a_text_is_one_element_without_markup(value: str) -> None:
    shown = text.markdown(value)
    if not shown:
        return
    assert re.fullmatch(r"<code>[^<>\n|`*_\[\]@\"'~#\\!]*</code>", re.sub(r"&#\d+;", "", shown))
    assert not re.search(r"https?://|www\.", shown)


@given(st.lists(st.tuples(ANYTHING, ANYTHING), max_size=5))
def test_a_table_has_a_row_a_row_and_a_cell_a_cell(rows: list[tuple[str, str]]) -> None:
    lines = summary.table(("a", "b"), rows)
    assert len(lines) == (len(rows) + 3 if rows else 0)
    assert all(line.count("|") == 3 for line in lines if line)


def test_a_long_table_says_how_much_the_log_has_more() -> None:
    lines = summary.table(("a",), [(number,) for number in range(summary.ROWS + 7)])
    assert len(lines) == summary.ROWS + 5
    assert lines[-2] == "… and 7 more: see the log"


@given(ANYTHING)
def test_a_console_prints_a_line_for_a_string(value: str) -> None:
    file = io.StringIO()
    Console(file=file).print(value)
    assert len(file.getvalue().splitlines()) == 1
    assert not obeyed(file.getvalue())


def test_an_error_of_several_lines_is_ours_in_the_first_alone() -> None:
    file = io.StringIO()
    Console(file=file).fail("teardown: it failed\n\n✓ nothing is left\n::error::x\u2028##[error]y")
    first, *others = file.getvalue().splitlines()
    assert first == "teardown: it failed"
    assert others == ["  ✓ nothing is left", "  : :error::x", "  ## [error]y"]


@pytest.mark.parametrize("value", HOSTILE)
def test_json_parses_and_its_lines_are_safe_in_a_log(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    give_json({"a": [value, {value: (value, 1, None)}]})
    out = capsys.readouterr().out
    assert json.loads(out)["a"][0] == text.clean(value, text.LINE)
    assert not obeyed(out)
    assert len(out.splitlines()) == len(out.split("\n")) - 1


def test_a_result_is_given_whole(capsys: pytest.CaptureFixture[str]) -> None:
    give("x" * 5000, "b\nc")
    assert capsys.readouterr().out == "x" * 5000 + "\nb c\n"
