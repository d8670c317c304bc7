from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.provider.names import DEFAULTS, AutoName
from sandbox.provider.values import UNKNOWN

ROLE = AutoName("name", 64)
NODES = AutoName("nodeGroupName", 63, prefix="nodeGroupNamePrefix")


@given(st.text("abcdefgh-", min_size=1, max_size=56), st.binary(min_size=1, max_size=32))
def test_a_name_is_the_resources_with_seven_hexadecimal_digits_that_the_seed_decides(name: str, seed: bytes) -> None:
    made = ROLE.fill({}, {}, name, seed)
    assert re.fullmatch(rf"{re.escape(name)}-[0-9a-f]{{7}}", made)
    assert made == ROLE.fill({}, {}, name, seed)


def test_without_a_seed_names_differ() -> None:
    assert ROLE.fill({}, {}, "role", b"") != ROLE.fill({}, {}, "role", b"")


def test_an_automatic_name_stays() -> None:
    assert ROLE.fill({}, {"name": "role-0123456", DEFAULTS: ["name"]}, "role", b"other") == "role-0123456"


def test_a_name_that_the_program_gave_and_took_back_is_replaced_by_an_automatic_one() -> None:
    assert ROLE.fill({}, {"name": "mine", DEFAULTS: []}, "role", b"seed") != "mine"


def test_a_name_too_long_for_aws_says_how_much_is_allowed() -> None:
    assert len(ROLE.fill({}, {}, "r" * 56, b"seed")) == 64
    with pytest.raises(ValueError, match=r"65 of the 64 allowed; shorten it or give name"):
        ROLE.fill({}, {}, "r" * 57, b"seed")


def test_a_prefix_begins_the_name_and_another_prefix_makes_another_name() -> None:
    made = NODES.fill({"nodeGroupNamePrefix": "work-"}, {}, "nodes", b"seed")
    assert re.fullmatch(r"work-\d{26}", made)
    olds = {"nodeGroupName": made, "nodeGroupNamePrefix": "work-", DEFAULTS: ["nodeGroupName"]}
    assert NODES.fill({"nodeGroupNamePrefix": "work-"}, olds, "nodes", b"other") == made
    assert NODES.fill({"nodeGroupNamePrefix": "rest-"}, olds, "nodes", b"other").startswith("rest-")
    with pytest.raises(ValueError, match="nodeGroupNamePrefix"):
        NODES.fill({"nodeGroupNamePrefix": "p" * 38}, {}, "nodes", b"seed")


def test_an_unknown_prefix_makes_an_unknown_name() -> None:
    assert NODES.fill({"nodeGroupNamePrefix": UNKNOWN}, {}, "nodes", b"seed") is UNKNOWN
