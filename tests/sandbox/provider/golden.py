"""What the table's word on a property rests on: `make golden` writes it to `sandbox/provider/sources.json`.

What ships in packages is asked: AWS's resource schemas (cfn-lint), then the models of AWS's APIs (botocore). For types
without a schema, and where pulumi-aws differs from it, the row names the provider's documentation. A property that none
of them says enough of is left out, as is one that may replace by its schema's `conditionalCreateOnlyProperties`.
"""

# The SDK's own reading of its classes is private, and cfn-lint has loose types.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from sandbox.provider import sources
from sandbox.provider.model import input_shape
from sandbox.provider.table import ROWS
from tests.sandbox.provider.shapes import leaves, member_shape, schema_paths

if TYPE_CHECKING:
    from sandbox.provider.row import Row
    from tests.sandbox.provider.shapes import Leaf

FILE = Path(sources.__file__).with_name(sources.FILE)

SCHEMA, DIFFERS, PROVIDER, API = (
    "AWS's resource schema",
    "the provider's documentation, where it differs from AWS's resource schema: Row.differs",
    "the provider's documentation: Row.source",
    "AWS's API: an update takes it",
)


def render() -> str:
    """The file, whole."""
    found = {kind: _of_row(row) for kind, row in sorted(ROWS.items())}
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def _of_row(row: Row) -> dict[str, str]:
    schema: Any = {}
    if row.cloudformation:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-2", row.cloudformation).schema
    paths = schema_paths(row)
    found = {
        leaf.path: source
        for leaf in leaves(row.properties)
        if (source := _of_leaf(row, leaf, schema, paths[leaf.path]))
    }
    if row.tags:  # each service has calls for tags of what exists: Row.tags has them
        source = SCHEMA if schema.get("tagging", {}).get("tagUpdatable") else API
        found |= {"tags": source, "tagsAll": source}
    return found


def _of_leaf(row: Row, leaf: Leaf, schema: Any, path: str) -> str | None:
    if leaf.path in row.differs:
        return DIFFERS
    if schema and _is_in(schema, path):
        maybe = [_lowered(each) for each in schema.get("conditionalCreateOnlyProperties", [])]
        return None if any(f"{path}.".startswith(f"{each}.") for each in maybe) else SCHEMA
    if row.source and leaf.replaces:
        return PROVIDER
    if not leaf.replaces and _is_updated(row, leaf):
        return API
    return None


def _is_in(schema: Any, path: str) -> bool:
    """Whether a resource schema has a property at a path in lower case."""
    node: Any = schema
    for part in path.split("."):
        node = _resolved(schema, node)
        names = {name.lower(): inner for name, inner in node.get("properties", {}).items()}
        if part not in names:
            return False
        node = names[part]
    return True


def _resolved(schema: Any, node: Any) -> Any:
    while "$ref" in node or "items" in node:
        if "items" in node:
            node = node["items"]
            continue
        target: Any = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _lowered(pointer: str) -> str:
    return pointer.removeprefix("/properties/").replace("/", ".").lower()


def _is_updated(row: Row, leaf: Leaf) -> bool:
    """Whether a call that the row makes to change what exists takes the property."""
    for step in row.steps:
        if not any(f"{leaf.path}.".startswith(f"{path}.") for path in step.properties):
            continue
        if not step.operation:
            return True
        top, _, _ = leaf.path.partition(".")
        if member_shape(input_shape(row.service, step.operation), top, row.properties[top]) is not None:
            return True
    return False


if __name__ == "__main__":
    FILE.write_text(render(), "utf-8")
