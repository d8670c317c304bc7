"""A row's properties as others see them: the SDK's classes, AWS's resource schemas, the APIs' models."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, NamedTuple

from botocore.model import ListShape, StructureShape

from sandbox.provider import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape

    from sandbox.provider.row import Property, Row


class Leaf(NamedTuple):
    path: str
    spec: Property
    replaces: bool


def leaves(specs: Mapping[str, Property], path: str = "", *, replaces: bool = False) -> Iterator[Leaf]:
    for name, spec in specs.items():
        inner, forced = f"{path}{name}", replaces or spec.replaces
        if spec.fields:
            yield from leaves(spec.fields, f"{inner}.", replaces=forced)
        else:
            yield Leaf(inner, spec, forced)


def classes(row: Row) -> tuple[type, type]:
    """The SDK's class of a resource's inputs, and that of the resource."""
    _, module, name, title = re.split("[:/]", row.type)
    file = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    # The package is lazy. Loaded by way of its first file, it lacks that file's names for the rest of the process.
    assert getattr(importlib.import_module(f"pulumi_aws.{module}"), title)
    loaded = importlib.import_module(f"pulumi_aws.{module}.{file}")
    # The SDK calls them so where a block of another resource has their name.
    arguments = getattr(loaded, f"{title}InitArgs", None) or getattr(loaded, f"{title}Args")
    return arguments, getattr(loaded, title)


def member_shape(shape: Shape, name: str, spec: Property) -> Shape | None:
    shape = shape.member if isinstance(shape, ListShape) else shape
    member = mapping.member_of(shape.members, name, spec) if isinstance(shape, StructureShape) else ""
    for part in spec.member.split(".") if "." in spec.member else [member]:
        if isinstance(shape, ListShape) and part == "0":
            shape = shape.member
        elif isinstance(shape, StructureShape) and part in shape.members:
            shape = shape.members[part]
        else:
            return None
    return shape


def schema_paths(row: Row) -> dict[str, str]:
    """Each property's path in AWS's resource schema, in lower case."""
    return {leaf.path: ".".join(_schema_parts(row.properties, leaf.path.split("."))) for leaf in leaves(row.properties)}


SCHEMA_NAMES = {"PolicyName": "ManagedPolicyName", "Description": "GroupDescription", "Bucket": "BucketName"}
"""Members that the resource schema calls otherwise."""


def _schema_parts(specs: Mapping[str, Property], path: list[str]) -> Iterator[str]:
    spec = specs[path[0]]
    yield SCHEMA_NAMES.get(spec.member, spec.member or path[0]).lower()
    if spec.fields and path[1:]:
        yield from _schema_parts(spec.fields, path[1:])
