"""The grammar of substitution, held against what Flux's own library makes of the same texts."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import envsubst

RECORDED = json.loads((Path(__file__).parent / "envsubst_cases.json").read_text("utf-8"))
CASES: list[dict[str, str]] = RECORDED["cases"]
VALUES: dict[str, str] = RECORDED["values"]

NAMES = st.from_regex(envsubst.KEY, fullmatch=True)
WORDS = st.text(st.characters(exclude_characters="$}\0", exclude_categories=["Cs"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["text"]))
def test_it_makes_of_a_text_what_flux_makes_of_it(case: dict[str, str]) -> None:
    if "out" in case:
        assert envsubst.parse(case["text"]).substitute(VALUES) == case["out"]
    else:
        with pytest.raises(envsubst.SubstitutionError) as error:
            envsubst.parse(case["text"]).substitute(VALUES)
        assert str(error.value) == case["err"]


@given(WORDS)
def test_a_text_without_variables_stays_as_it_is(text: str) -> None:
    template = envsubst.parse(text)
    assert template.substitute({}) == text
    assert template.uses == ()


@given(WORDS, NAMES)
def test_an_escaped_variable_is_none(text: str, name: str) -> None:
    template = envsubst.parse(f"{text}$${{{name}}}")
    assert template.substitute({}) == f"{text}${{{name}}}"
    assert template.uses == ()


@given(st.lists(st.tuples(WORDS, NAMES)), st.dictionaries(NAMES, WORDS))
def test_a_text_is_substituted_if_all_its_names_have_values(
    parts: list[tuple[str, str]], values: dict[str, str]
) -> None:
    template = envsubst.parse("".join(f"{word}${{{name}}}" for word, name in parts))
    assert [use.name for use in template.uses] == [name for _, name in parts]
    missing = [name for _, name in parts if name not in values]
    if missing:
        with pytest.raises(envsubst.UnsetVariableError) as error:
            template.substitute(values)
        assert error.value.name == missing[0]
    else:
        assert template.substitute(values) == "".join(word + values[name] for word, name in parts)


@given(st.text(st.sampled_from("${}#%/:-=^,ab\\\n")))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(envsubst.SubstitutionError):
        assert isinstance(envsubst.parse(text).substitute({}), str)


def test_a_use_knows_its_line_and_whether_it_may_be_unset() -> None:
    uses = envsubst.parse("a ${A}\n\nb ${B:-x${C}}\nc ${D^^}").uses
    assert [(use.name, use.line, use.has_default) for use in uses] == [
        ("A", 1, False),
        ("B", 3, True),
        ("C", 3, False),
        ("D", 4, False),
    ]
