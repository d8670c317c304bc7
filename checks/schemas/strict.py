"""From a CustomResourceDefinition to JSON schemas that refuse what the API server would drop or refuse.

Source: Kubernetes' documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (structural schemas,
pruning). Rules in CEL (x-kubernetes-validations) are not carried over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.schemas.core import Kind

Schema = dict[str, Any]

_KEPT = frozenset(
    {
        *("format", "enum", "required", "pattern", "uniqueItems", "multipleOf"),
        *("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"),
        *("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"),
        *("allOf", "anyOf", "oneOf", "not"),
    }
)
"""Keywords that mean the same in a draft-04 schema. Those of the last line only add conditions, and close nothing."""


def schemas(crd: Mapping[str, Any], metadata: Schema, definitions: Schema) -> Iterator[tuple[Kind, bool, Schema]]:
    """Each version that a CRD serves, whether its objects are namespaced, and its schema (draft 04).

    Args:
        crd: apiextensions.k8s.io/v1.
        metadata: the schema of an object's metadata.
        definitions: what `metadata` refers to as #/$defs/<name>.
    """
    spec = crd["spec"]
    group, kind, namespaced = spec["group"], spec["names"]["kind"], spec["scope"] == "Namespaced"
    for each in spec["versions"]:
        if each["served"]:
            version = each["name"]
            schema = strict(each["schema"]["openAPIV3Schema"])
            names = {"apiVersion": {"enum": [f"{group}/{version}"]}, "kind": {"enum": [kind]}, "metadata": metadata}
            schema["properties"] = {**schema.get("properties", {}), **names}
            schema["required"] = sorted({*schema.get("required", ()), "apiVersion", "kind"})
            schema["$defs"] = definitions
            schema["$schema"] = "http://json-schema.org/draft-04/schema#"
            yield (group, version, kind), namespaced, schema


def strict(schema: Mapping[str, Any]) -> Schema:
    """A structural schema as a JSON schema in which an unknown field is an error.

    A field is known if the schema names it, or if the API server keeps unknown ones there.
    """
    # An empty list says nothing, and draft 04 forbids it.
    made: Schema = {key: value for key, value in schema.items() if key in _KEPT and value != []}
    if schema.get("x-kubernetes-int-or-string"):
        made.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    elif "type" in schema:
        made["type"] = schema["type"]
    if "items" in schema:
        made["items"] = strict(schema["items"])
    if schema.get("type") == "object" or "properties" in schema:
        made |= _fields(schema)
    return _nullable(made) if schema.get("nullable") else made


def _fields(schema: Mapping[str, Any]) -> Schema:
    """The keywords on an object's fields."""
    properties = {name: strict(each) for name, each in schema.get("properties", {}).items()}
    if schema.get("x-kubernetes-embedded-resource"):
        anything: Schema = {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
        }
        properties = anything | properties
    others = schema.get("additionalProperties", bool(schema.get("x-kubernetes-preserve-unknown-fields")))
    return {
        **({"properties": properties} if properties else {}),
        "additionalProperties": others if isinstance(others, bool) else strict(others),
    }


def _nullable(schema: Schema) -> Schema:
    if "type" in schema and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [{"type": "null"}, schema]}
