"""From a structural schema to a strict JSON schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.schemas.strict import schemas, strict

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]

OBJECT: Schema = {"type": "object", "properties": {"a": {"type": "string"}}}
EMBEDDED: Schema = {**OBJECT, "x-kubernetes-embedded-resource": True}
OPEN: Schema = {**OBJECT, "x-kubernetes-preserve-unknown-fields": True}
INT_OR_STRING: Schema = {"x-kubernetes-int-or-string": True}
CHOICE: Schema = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
    "oneOf": [{"required": ["a"]}, {"required": ["b"], "properties": {"b": {"enum": ["x"]}}}],
}

NAMES = st.sampled_from("abcd")
LEAVES: st.SearchStrategy[tuple[Schema, Any]] = st.sampled_from(
    [
        ({"type": "string"}, "x"),
        ({"type": "integer", "minimum": 1, "description": "dropped"}, 1),
        ({"type": "boolean", "default": True}, False),
        ({"type": "string", "enum": ["=", "!="], "nullable": True}, None),
        ({"type": "number", "nullable": True}, None),
        (INT_OR_STRING, 1),
        ({**INT_OR_STRING, "anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": "%$"}, "25%"),
        ({"x-kubernetes-preserve-unknown-fields": True}, [{"any": "thing"}]),
    ]
)


def _branches(children: st.SearchStrategy[tuple[Schema, Any]]) -> st.SearchStrategy[tuple[Schema, Any]]:
    def fields(drawn: dict[str, tuple[Schema, Any]]) -> tuple[Schema, Any]:
        properties = {name: schema for name, (schema, _) in drawn.items()}
        return {"type": "object", "properties": properties, "required": sorted(drawn)}, {
            name: value for name, (_, value) in drawn.items()
        }

    return (
        st.dictionaries(NAMES, children, max_size=3).map(fields)
        | children.map(lambda child: ({"type": "array", "items": child[0]}, [child[1]] * 2))
        | children.map(lambda child: ({"type": "object", "additionalProperties": child[0]}, {"any-key": child[1]}))
    )


SAMPLES = st.recursive(LEAVES, _branches, max_leaves=8)
"""A structural schema and a value that it describes."""


def accepts(schema: Schema, value: Any) -> bool:
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(schema).is_valid(value)  # pyright: ignore[reportUnknownMemberType]


def closed(schema: Schema, value: Any) -> Iterator[dict[str, Any]]:
    """The objects in a value that have named fields only."""
    if "properties" in schema:
        yield value
        for name, child in schema["properties"].items():
            yield from closed(child, value[name])
    elif "items" in schema:
        yield from closed(schema["items"], value[0])
    elif "additionalProperties" in schema:
        yield from closed(schema["additionalProperties"], value["any-key"])


@given(SAMPLES)
def test_what_the_server_keeps_is_accepted_and_what_it_would_drop_is_not(sample: tuple[Schema, Any]) -> None:
    schema, value = sample
    made = strict(schema)
    assert accepts(made, value)

    for each in closed(schema, value):
        each["unknown"] = "x"
        assert not accepts(made, value)
        del each["unknown"]


@pytest.mark.parametrize(
    ("schema", "accepted", "refused"),
    [
        (OBJECT, {"a": "x"}, {"b": "x"}),
        (OPEN, {"a": "x", "b": 1}, {"a": 1}),
        (EMBEDDED, {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "a": "x"}, {"b": "x"}),
        ({**EMBEDDED, **OPEN}, {"apiVersion": "v1", "b": "x"}, {"kind": 1}),
        ({"type": "object"}, {}, {"b": "x"}),
        ({"type": "object", "additionalProperties": True}, {"b": "x"}, "x"),
        (INT_OR_STRING, "25%", 2.5),
        ({**INT_OR_STRING, "nullable": True}, None, [1]),
        ({"type": "string", "enum": ["a"], "nullable": True}, None, "b"),
        ({**OBJECT, "nullable": True}, None, {"b": "x"}),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 2, 1),
        (CHOICE, {"a": "x"}, {"a": "x", "b": "x"}),
        (CHOICE, {"b": "x"}, {"b": "y"}),
    ],
)
def test_each_way_of_opening_and_closing_a_schema(schema: Schema, accepted: Any, refused: Any) -> None:
    made = strict(schema)

    assert accepts(made, accepted)
    assert not accepts(made, refused)


def test_only_served_versions_have_a_schema_and_it_binds_the_object_to_them() -> None:
    version: Schema = {
        "schema": {
            "openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {"spec": {"type": "object"}}}
        }
    }
    spec: Schema = {
        "group": "example.test",
        "names": {"kind": "Thing"},
        "scope": "Cluster",
        "versions": [{"name": "v1", "served": True, **version}, {"name": "v1beta1", "served": False, **version}],
    }
    ((kind, namespaced, schema),) = schemas({"spec": spec}, {"$ref": "#/$defs/Meta"}, {"Meta": strict(OBJECT)})
    good: dict[str, Any] = {"apiVersion": "example.test/v1", "kind": "Thing", "metadata": {"a": "x"}, "spec": {}}

    assert (kind, namespaced) == (("example.test", "v1", "Thing"), False)
    assert accepts(schema, good)
    changes: list[dict[str, Any]] = [
        {"apiVersion": "example.test/v1beta1"},
        {"kind": "Other"},
        {"metadata": {"b": "x"}},
        {"status": {}},
    ]
    for change in changes:
        assert not accepts(schema, good | change)
    for name in ("apiVersion", "kind", "spec"):
        assert not accepts(schema, {key: value for key, value in good.items() if key != name})
