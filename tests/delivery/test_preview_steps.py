from __future__ import annotations

import pytest
from pulumi.runtime import rpc
from pydantic import ValidationError

from delivery.preview_steps import ABSENT, SIGNATURE, UNKNOWN, Change, Step
from tests.delivery.digests import SECRET, step


def changes(made: dict[str, object]) -> list[Change]:
    return list(Step.model_validate(made).changes())


def test_the_engine_s_constants_are_those_of_its_sdk() -> None:
    assert UNKNOWN == rpc.UNKNOWN
    assert rpc._special_sig_key == SIGNATURE  # pyright: ignore[reportPrivateUsage] it has no public name


def test_a_step_is_of_a_type_and_has_a_name() -> None:
    made = Step.model_validate(step("same", "a::b$c"))
    assert (made.type, made.name) == ("aws:ec2/vpc:Vpc", "a::b$c")


def test_a_new_resource_changes_in_all_its_inputs() -> None:
    made = step("create", "a", None, {"name": "x", "a.b": 1, "__defaults": ["name"]})
    assert changes(made) == [Change("name", ABSENT, "x"), Change('["a.b"]', ABSENT, 1)]


def test_a_deleted_resource_has_no_changes() -> None:
    assert changes(step("delete", "a", {"name": "x"})) == []


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("a", {"a": 1}, {"a": 2}),
        ("a.b", {"a": {"b": 1}}, {"a": {"b": 2}}),
        ("a[1].b", {"a": [0, {"b": 1}]}, {"a": [0, {"b": 2}]}),
        ('a["b.c"]', {"a": {"b.c": 1}}, {"a": {"b.c": 2}}),
        ('["a\\"b"]', {'a"b': 1}, {'a"b': 2}),
        ('a["b]c"][0]', {"a": {"b]c": [1]}}, {"a": {"b]c": [2]}}),
    ],
)
def test_a_path_leads_to_a_value(path: str, old: dict[str, object], new: dict[str, object]) -> None:
    made = step("update", "a", old, new, detailedDiff={path: {"kind": "update", "inputDiff": True}})
    assert changes(made) == [Change(path, 1, 2)]


def test_what_is_no_input_has_no_value() -> None:
    made = step("update", "a", {}, {"arn": "x"}, detailedDiff={"arn": {"kind": "update"}, "a[3]": {"kind": "delete"}})
    assert changes(made) == [Change("arn", ABSENT, "x"), Change("a[3]", ABSENT, ABSENT)]


def test_reasons_stand_in_for_a_diff_in_detail() -> None:
    made = step("replace", "a", {"a": 1, "b": 1}, {"a": 2, "b": 2}, diffReasons=["a", "b"], replaceReasons=["b"])
    assert changes(made) == [Change("a", 1, 2), Change("b", 1, 2, forces=True)]


def test_inputs_are_compared_where_there_is_not_even_a_reason() -> None:
    made = step("update", "a", {"a": 1, "b.c": 1, "d": 1}, {"a": 1, "b.c": 2, "e": 3})
    assert changes(made) == [Change('["b.c"]', 1, 2), Change("d", 1, ABSENT), Change("e", ABSENT, 3)]


def test_a_replacement_after_another_resource_s_has_no_reason_of_its_own() -> None:
    made = step("replace", "a", {"a": 1}, {"a": 1}, replaceReasons=["replaceWith"])
    assert Step.model_validate(made).why == ()
    assert changes(made) == []


@pytest.mark.parametrize("path", ["password", "password.plaintext", "a.password", "a.password.deeper"])
def test_a_secret_is_shown_nowhere_on_its_path(path: str) -> None:
    inputs = {"password": SECRET, "a": {"password": SECRET}}
    made = step("update", "a", inputs, inputs, detailedDiff={path: {"kind": "update", "inputDiff": True}})
    assert changes(made) == [Change(path, "[secret]", "[secret]")]


def test_a_secret_inside_of_a_value_is_not_shown() -> None:
    made = step("create", "a", None, {"list": [1, SECRET], "map": {"x": SECRET}})
    assert [change.new for change in changes(made)] == [[1, "[secret]"], {"x": "[secret]"}]


def test_a_value_to_come_is_said_to_be_unknown() -> None:
    made = step("create", "a", None, {"x": UNKNOWN, "y": [UNKNOWN]})
    assert [change.new for change in changes(made)] == ["[unknown]", ["[unknown]"]]


def test_the_inputs_of_a_provider_are_not_shown() -> None:
    made = step("update", "aws", {"token": "t"}, {"token": "u"}, kind="pulumi:providers:aws", diffReasons=["token"])
    assert changes(made) == []


@pytest.mark.parametrize("made", [step("@everyone", "a"), {**step("create", "a"), "urn": "no urn"}])
def test_what_no_engine_prints_is_no_preview(made: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Step.model_validate(made)
