"""Which fields a schema has at a place, for what an unknown one may have meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from checks.manifests import listed, mapping
from checks.schemas import core

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from checks.schemas import Kind, Schemas


def fields(schemas: Schemas, kind: Kind, path: tuple[str | int, ...]) -> frozenset[str]:
    """The fields that an object of a kind may have at `path`; none if there is no schema of it."""
    group, version, name = kind
    files = (schemas.core / core.file_name(kind), schemas.crds / group / f"{name.lower()}_{version}.json")
    return frozenset(field for file in files if file.is_file() for field in _fields(file, path))


def _fields(file: Path, path: tuple[str | int, ...]) -> Iterator[str]:
    root: dict[str, Any] = json.loads(file.read_text("utf-8"))
    nodes = list(_forms(root, root))
    for step in path:
        nodes = [form for node in nodes for child in _children(node, step) for form in _forms(root, child)]
    for node in nodes:
        yield from mapping(node.get("properties"))


def _forms(root: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a schema stands for: itself, the definition it refers to, and each of its alternatives."""
    if reference := node.get("$ref"):
        yield from _forms(root, mapping(mapping(root.get("$defs")).get(str(reference).rpartition("/")[2])))
    yield node
    for alternative in (*listed(node.get("anyOf")), *listed(node.get("allOf"))):
        yield from _forms(root, mapping(alternative))


def _children(node: Mapping[str, Any], step: str | int) -> Iterator[Mapping[str, Any]]:
    named = mapping(node.get("properties")).get(str(step))
    for child in (node.get("items"),) if isinstance(step, int) else (named, node.get("additionalProperties")):
        if child is not None:
            yield mapping(child)
