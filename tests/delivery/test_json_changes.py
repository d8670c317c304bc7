"""Documents are compared by key."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from delivery.json_changes import expand
from delivery.preview_steps import ABSENT, Change


def of(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    return [(each.path, each.old, each.new) for each in expand(Change("policy", old, new))]


def test_statements_are_told_apart_by_their_sid_whatever_their_order() -> None:
    old = {"Statement": [{"Sid": "A", "Action": ["x"]}, {"Sid": "B", "Action": "y"}]}
    new = {"Statement": [{"Sid": "B", "Action": "y"}, {"Sid": "A", "Action": ["x", "z"]}, {"Sid": "C"}]}
    assert of(json.dumps(old), json.dumps(new)) == [
        ("policy.Statement[A].Action[]", ABSENT, "z"),
        ("policy.Statement[C]", ABSENT, {"Sid": "C"}),
    ]


def test_statements_without_a_sid_are_compared_by_their_place() -> None:
    old, new = {"Statement": [{"Action": "x"}]}, {"Statement": [{"Action": "y"}, {"Action": "z"}]}
    assert of(json.dumps(old), json.dumps(new)) == [
        ("policy.Statement[0].Action", "x", "y"),
        ("policy.Statement[1]", ABSENT, {"Action": "z"}),
    ]


def test_a_list_of_texts_says_what_came_and_what_went() -> None:
    assert of(["api", "audit"], ["audit", "scheduler"]) == [
        ("policy[]", "api", ABSENT),
        ("policy[]", ABSENT, "scheduler"),
    ]


def test_a_list_in_another_order_is_shown_whole() -> None:
    assert of(["a", "b"], ["b", "a"]) == [("policy", ["a", "b"], ["b", "a"])]


def test_what_is_no_document_stays_as_it_is() -> None:
    pairs: list[tuple[Any, Any]] = [("{a", "{b"), ("x", "y"), (1, 2), ("{}", "[unknown]"), (ABSENT, {"a": 1}), ({}, [])]
    for old, new in pairs:
        assert of(old, new) == [("policy", old, new)]


def test_white_space_alone_is_one_change_of_the_whole() -> None:
    assert of('{"a": 1}', '{"a":1}') == [("policy", '{"a": 1}', '{"a":1}')]


values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["Sid", "a", "b"]), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_no_difference_is_lost_and_nothing_equal_is_told(old: Any, new: Any) -> None:
    found = of(old, new)
    assert found
    if old != new:
        assert all(before != after for _, before, after in found)
