from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from sandbox.provider import values
from sandbox.provider.values import UNKNOWN, decode, encode, has_unknown

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    st.text(),
    st.just(UNKNOWN),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), anything, max_size=5))
def test_properties_survive_the_journey(properties: dict[str, Any]) -> None:
    assert decode(encode(properties)) == properties


def test_signatures_are_the_sdks() -> None:
    assert rpc.UNKNOWN == values.UNKNOWN_TEXT
    assert rpc._special_sig_key == values.SIGNATURE  # pyright: ignore[reportPrivateUsage]
    assert rpc._special_secret_sig == values.SECRET  # pyright: ignore[reportPrivateUsage]
    assert rpc._special_output_value_sig == values.OUTPUT  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({values.SIGNATURE: values.SECRET, "value": "hidden"}, "hidden"),
        ({values.SIGNATURE: values.SECRET, "value": {"a": [1]}}, {"a": [1]}),
        ({values.SIGNATURE: values.OUTPUT, "value": "known", "dependencies": []}, "known"),
        ({values.SIGNATURE: values.OUTPUT}, UNKNOWN),
    ],
)
def test_secrets_and_outputs_become_what_they_hold(sent: Any, meant: Any) -> None:
    struct = Struct()
    struct.update({"property": sent})
    assert decode(struct) == {"property": meant}


def test_whole_numbers_are_integers() -> None:
    decoded = decode(encode({"whole": 3, "part": 2.5}))
    assert (type(decoded["whole"]), type(decoded["part"])) == (int, float)


@pytest.mark.parametrize("value", [UNKNOWN, [UNKNOWN], {"a": [{"b": UNKNOWN}]}])
def test_an_unknown_is_found_at_any_depth(value: Any) -> None:
    assert has_unknown(value)
    assert not has_unknown({"a": ["b", None, 3]})
