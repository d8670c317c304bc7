"""A state with resources put back is one that the engine takes, and loses nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UnknownError
from teardown.recovery import deployment
from teardown.recovery.deployment import Entry, needs, put_back
from tests.teardown.recovery.states import EIP, STACK, VPC, base, entry, exported, urn

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

KINDS = ("dependencies", "propertyDependencies", "deletedWith", "replaceWith", "parent")


@st.composite
def graphs(draw: DrawFn) -> list[Entry]:
    """A stack whose resources depend on earlier ones in every way that the engine knows."""
    entries = base()
    for number in range(draw(st.integers(1, 12))):
        made = entry(EIP, str(number), id=f"eipalloc-{number}", outputs={"id": f"eipalloc-{number}"})
        for other in draw(st.sets(st.integers(0, max(0, number - 1)), max_size=3)) if number else ():
            earlier = urn(EIP, str(other))
            way = draw(st.sampled_from(KINDS))
            if way in ("dependencies", "replaceWith"):
                made[way] = [*made.get(way, []), earlier]
            elif way == "propertyDependencies":
                made[way] = {**made.get(way, {}), f"property{other}": [earlier]}
            else:
                made[way] = earlier
        entries.append(made)
    return entries


@given(graphs(), st.data())
def test_what_is_put_back_comes_after_what_it_needs_once_and_with_its_edges(
    whole: list[Entry], data: st.DataObject
) -> None:
    """Whatever was pending, in whatever order: in a killed run nothing in the state needs something that is pending."""
    mine = [each["urn"] for each in whole[2:]]
    pending = set(data.draw(st.lists(st.sampled_from(mine), unique=True)))
    shuffled = data.draw(st.permutations([each for each in whole if each["urn"] in pending]))
    after = put_back([each for each in whole if each["urn"] not in pending], shuffled)
    seen: set[str] = set()
    for each in after:
        assert set(needs(each)) <= seen, each
        assert each["urn"] not in seen
        seen.add(each["urn"])
    by_urn = {each["urn"]: each for each in after}
    assert by_urn == {each["urn"]: each for each in whole}


@given(graphs())
def test_a_state_without_anything_to_put_back_keeps_its_order(whole: list[Entry]) -> None:
    assert put_back(whole, []) == whole


def test_a_replacement_takes_the_place_of_the_old_one_which_is_still_to_be_deleted() -> None:
    old = entry(VPC, "vpc", id="vpc-old", outputs={"id": "vpc-old"})
    needing = entry(EIP, "a", id="eipalloc-1", outputs={"id": "x"}, dependencies=[urn(VPC, "vpc")])
    new = entry(VPC, "vpc", id="vpc-new", outputs={})
    after = put_back([*base(), old, needing], [new])
    assert [(each["urn"], each.get("id")) for each in after if each["urn"] != STACK][1:] == [
        (new["urn"], "vpc-new"),
        (needing["urn"], "eipalloc-1"),
        (old["urn"], "vpc-old"),
    ]
    assert after[-1]["delete"] is True
    assert "delete" not in after[2]


def test_what_the_engine_has_deleted_to_make_it_again_is_not_kept_beside_it() -> None:
    old = entry(VPC, "vpc", id="vpc-old", pendingReplacement=True, outputs={"id": "vpc-old"})
    after = put_back([*base(), old], [entry(VPC, "vpc", id="vpc-new")])
    assert [each.get("id") for each in after[2:]] == ["vpc-new"]


def test_what_no_one_here_knows_of_the_form_is_carried_along() -> None:
    before = exported([*base(), {**entry(VPC, "vpc", id="vpc-1"), "novel": [1]}], [])
    document = json.loads(before.with_resources([entry(EIP, "a", id="eipalloc-1")]).text())
    assert document["version"] == 3
    assert document["deployment"]["secrets_providers"] == {"type": "passphrase", "state": {"salt": "v1:x"}}
    assert document["deployment"]["resources"][2]["novel"] == [1]
    assert document["deployment"]["pending_operations"] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "[]",
        "{}",
        '{"deployment": 1}',
        '{"deployment": {"pending_operations": [{"type": "creating"}]}}',
        '{"deployment": {"resources": [{"id": "x"}]}}',
    ],
)
def test_what_is_no_state_is_unknown_and_not_empty(text: str) -> None:
    with pytest.raises(UnknownError, match="state is unknown"):
        deployment.parse(text)


def test_a_stack_without_a_deployment_has_nothing_pending() -> None:
    assert deployment.parse('{"version": 3, "deployment": {}}').pending == []


def test_what_has_an_id_and_no_outputs_was_never_read() -> None:
    read = entry(EIP, "read", id="eipalloc-1", outputs={"allocationId": "eipalloc-1"})
    unread = entry(EIP, "unread", id="eipalloc-2", outputs={})
    component = {"urn": urn("infra-fleet:index:Network", "network"), "custom": False, "type": "x"}
    found = exported([*base(), component, read, unread], []).unread
    assert [each["urn"] for each in found] == [unread["urn"]]
