"""The evaluator of workflow expressions: GitHub's semantics, and an error for what it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.expressions import ExpressionError, Value, condition, evaluate, interpolate, to_string

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTEXTS: Mapping[str, Value] = {
    "github": {"ref": "refs/heads/main", "event": {"number": 7.0, "head": {"repo": None}}},
    "needs": {"a": {"result": "success", "outputs": {"stacks": '["staging"]'}}, "b": {"result": "Skipped"}},
    "vars": {"EMPTY": ""},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'it''s'", "it's"),
        ("1.5", 1.5),
        ("null", None),
        ("github.ref == 'REFS/heads/MAIN'", True),
        ("github.ref != 'other'", True),
        ("github.event.head.repo.full_name == ''", True),
        ("github.event.head.repo.full_name == 'o/r'", False),
        ("github.event.number == 7", True),
        ("github.event.number == '7'", True),
        ("vars.MISSING || 'preview'", "preview"),
        ("vars.EMPTY || vars.MISSING", None),
        ("vars.EMPTY != '' && 'set' || 'not set'", "not set"),
        ("'a' == 'b' || 'c' == 'c' && 'd' == 'd'", True),
        ("!(true && false)", True),
        ("null == 0", True),
        ("'text' == 0", False),
        ("contains(needs.*.result, 'skipped')", True),
        ("contains(needs.*.result, 'failure')", False),
        ("contains('Hello', 'ELL')", True),
        ("fromJSON(needs.a.outputs.stacks)", ["staging"]),
        ("fromJSON('3')", 3.0),
        ("fromJSON('{\"A\": null}').a", None),
    ],
)
def test_an_expression_has_githubs_value(expression: str, value: Value) -> None:
    assert evaluate(expression, CONTEXTS) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1 +",
        "a.b",
        "github.",
        "startsWith('a', 'b')",
        "'open",
        "github.ref ==",
        "(true",
        "true false",
        "vars.X < 3",
        "github['ref']",
    ],
)
def test_what_is_not_known_is_an_error(expression: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(expression, CONTEXTS)


def test_json_that_is_none_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="invalid JSON: ''"):
        evaluate("fromJSON(needs.b.outputs.stacks)", CONTEXTS)


def test_a_text_keeps_the_type_of_its_only_expression_and_is_filled_in_else() -> None:
    assert interpolate("${{ fromJSON('[1, true]') }}", CONTEXTS) == [1.0, True]
    assert interpolate("stack-${{ github.event.number }}-${{ vars.EMPTY }}!", CONTEXTS) == "stack-7-!"
    assert interpolate("${{ github.event.number }}${{ true }}", CONTEXTS) == "7true"


def ask(*, failed: bool) -> dict[str, bool]:
    functions = {"always": lambda: True, "success": lambda: not failed, "failure": lambda: failed}
    cancelled = {"cancelled": lambda: False}
    texts = ("always()", "'x' == 'x'", "!cancelled()", "${{ failure() }}", "'always()' == 'always()'")
    return {text: condition(text, CONTEXTS, functions | cancelled) for text in texts} | {
        "none": condition(None, CONTEXTS, functions | cancelled)
    }


def test_a_condition_without_a_status_function_asks_for_success() -> None:
    assert ask(failed=True) == {
        "always()": True,
        "'x' == 'x'": False,
        "!cancelled()": True,
        "${{ failure() }}": True,
        "'always()' == 'always()'": False,
        "none": False,
    }
    assert ask(failed=False)["none"]
    assert not ask(failed=False)["${{ failure() }}"]


def test_a_condition_that_is_an_expression_in_part_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="in part"):
        condition("${{ true }} && false", CONTEXTS, {"success": lambda: True})


@given(st.text().filter(lambda text: "'" not in text))
def test_any_text_is_itself_as_a_literal(text: str) -> None:
    assert evaluate(f"'{text}'", {}) == text


@given(st.booleans(), st.booleans(), st.booleans())
def test_and_binds_closer_than_or(a: bool, b: bool, c: bool) -> None:
    values = [to_string(value) for value in (a, b, c)]
    assert evaluate("{} || {} && {}".format(*values), {}) == (a or (b and c))
    assert evaluate("!{} && {} == {}".format(*values), {}) == ((not a) and (b == c))
