"""The evaluator decides as the IAM user guide says: its own examples and rules, one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.iam import Decision, Request, Value, action_of, allows, allows_action, evaluate
from tests.support.iam_reference import actions

BUCKET = "arn:aws:s3:::example"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def test_what_no_statement_allows_is_denied() -> None:
    assert evaluate([policy(allow())], Request("s3:PutObject")) is Decision.IMPLICITLY_DENIED
    assert evaluate([], Request("s3:GetObject")) is Decision.IMPLICITLY_DENIED


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    request = Request("s3:GetObject", f"{BUCKET}/a")
    for documents in ([policy(deny("s3:*"), allow())], [policy(allow()), policy(deny("s3:*"))]):
        assert evaluate(documents, request) is Decision.EXPLICITLY_DENIED


def test_a_boundary_grants_nothing_and_cuts_what_is_granted() -> None:
    everything, reads = policy(allow("*")), policy(allow("s3:Get*"))
    get, put = Request("s3:GetObject"), Request("s3:PutObject")
    assert evaluate([everything], get, boundary=reads) is Decision.ALLOWED
    assert evaluate([everything], put, boundary=reads) is Decision.IMPLICITLY_DENIED
    assert evaluate([], get, boundary=reads) is Decision.IMPLICITLY_DENIED
    assert evaluate([everything], get, boundary=policy(allow("*"), deny("s3:*"))) is Decision.EXPLICITLY_DENIED


@pytest.mark.parametrize(
    ("pattern", "action", "matches"),
    [
        ("s3:getobject", "s3:GetObject", True),
        ("S3:Get*", "s3:GetObjectAcl", True),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:Get", "s3:GetObject", False),
        ("*", "iam:PassRole", True),
        (["s3:PutObject", "s3:Get*"], "s3:GetObject", True),
    ],
)
def test_actions_match_with_wildcards_and_in_any_case(pattern: Any, action: str, matches: bool) -> None:
    assert allows([policy(allow(pattern))], Request(action)) is matches


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        (f"{BUCKET}/*", f"{BUCKET}/a/b", True),
        (f"{BUCKET}/*", BUCKET, False),
        (f"{BUCKET}", f"{BUCKET}2", False),
        (f"{BUCKET}/?", f"{BUCKET}/A", True),
        (f"{BUCKET}/a", f"{BUCKET}/A", False),
        ([f"{BUCKET}/a", f"{BUCKET}/b"], f"{BUCKET}/b", True),
        (f"{BUCKET}.[a-z]", f"{BUCKET}.a", False),
    ],
)
def test_resources_match_with_wildcards_and_in_their_case(pattern: Any, resource: str, matches: bool) -> None:
    assert allows([policy(allow(resource=pattern))], Request("s3:GetObject", resource)) is matches


def test_not_action_and_not_resource_take_what_is_left() -> None:
    but_iam = policy({"Effect": "Allow", "NotAction": "iam:*", "NotResource": f"{BUCKET}/*"})
    assert allows([but_iam], Request("s3:GetObject", BUCKET))
    assert not allows([but_iam], Request("iam:PassRole", BUCKET))
    assert not allows([but_iam], Request("s3:GetObject", f"{BUCKET}/a"))


def test_a_call_on_several_resources_needs_each() -> None:
    one = policy(allow(resource=f"{BUCKET}/a"))
    assert allows([one], Request("s3:GetObject", f"{BUCKET}/a"))
    assert not allows([one], Request("s3:GetObject", f"{BUCKET}/a"), Request("s3:GetObject", f"{BUCKET}/b"))


ROLE = "arn:aws:iam::123456789012:role/a/b"


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "a*", "ab", True),
        ("StringLike", "a*", "ba", False),
        ("StringNotLike", "a*", "ab", False),
        ("ArnLike", "arn:aws:iam::123456789012:role/*", ROLE, True),
        ("ArnLike", "arn:aws:iam::*:role/a/*", ROLE, True),
        ("ArnLike", "arn:aws:*", ROLE, False),
        ("ArnEquals", "arn:aws:iam::*", ROLE, False),
        ("Bool", "true", "True", True),
        ("Bool", "true", "false", False),
        ("Null", "true", None, True),
        ("Null", "true", "a", False),
        ("Null", "false", "a", True),
        ("Null", "false", None, False),
        ("ForAnyValue:StringEquals", "a", ["a", "b"], True),
        ("ForAnyValue:StringEquals", "a", ["b"], False),
        ("ForAnyValue:StringEquals", "a", None, False),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", "a", ["a", "b"], False),
        ("ForAllValues:StringEquals", "a", None, True),
        ("ForAllValues:StringNotEquals", "a", ["b", "c"], True),
        ("ForAllValues:StringNotEquals", "a", ["a", "c"], False),
    ],
)
def test_condition_operators(operator: str, wanted: Any, found: Value | None, holds: bool) -> None:
    document = policy(allow(Condition={operator: {"aws:Key": wanted}}))
    context = {} if found is None else {"aws:key": found}
    assert allows([document], Request("s3:GetObject", context=context)) is holds


def test_all_keys_of_all_operators_must_hold() -> None:
    document = policy(allow(Condition={"StringEquals": {"k:a": "1", "k:b": "2"}, "Null": {"k:c": "true"}}))
    whole = {"k:a": "1", "k:b": "2"}
    assert allows([document], Request("s3:GetObject", context=whole))
    for context in ({"k:a": "1"}, {**whole, "k:b": "3"}, {**whole, "k:c": "3"}):
        assert not allows([document], Request("s3:GetObject", context=context))


@pytest.mark.parametrize(
    "condition",
    [
        {"NumericLessThan": {"k:a": "1"}},
        {"StringEquals": {"k:a": ["x"]}},
        {"StringLike": {"k:one": "${aws:username}"}},
    ],
)
def test_what_it_does_not_know_is_an_error(condition: dict[str, Any]) -> None:
    request = Request("s3:GetObject", context={"k:a": ["x", "y"], "k:one": "z"})
    with pytest.raises(NotImplementedError):
        evaluate([policy(allow(Condition=condition))], request)


def test_an_action_is_allowed_by_name_whatever_the_condition_but_not_by_a_deny() -> None:
    document = policy(allow("s3:Get*", f"{BUCKET}/a", Condition={"Bool": {"k:a": "true"}}), deny("s3:PutObject"))
    assert allows_action([document], "s3:GetObject")
    assert not allows_action([document], "s3:PutObject")


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "HeadBucket", "s3:ListBucket"),
        ("s3", "CopyObject", "s3:PutObject"),
        ("s3", "DeleteObjects", "s3:DeleteObject"),
        ("s3", "PutObject", "s3:PutObject"),
        ("tagging", "GetResources", "tag:GetResources"),
        ("ec2", "DescribeVpcs", "ec2:DescribeVpcs"),
        ("elasticloadbalancing", "DeleteLoadBalancer", "elasticloadbalancing:DeleteLoadBalancer"),
    ],
)
def test_operations_need_actions_that_exist(service: str, operation: str, action: str) -> None:
    assert action_of(service, operation) == action
    assert action.lower() in actions()
