"""Between Pulumi's properties and the API's members, by rule (`row` states it) and a row's exceptions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.model import ListShape, MapShape, StructureShape

from .model import input_shape
from .shape import Located
from .values import UNKNOWN, is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from botocore.model import Shape

    from .row import Property, Resource


def pick(value: Any, path: str) -> Any:
    """What lies at a dotted path, None if nothing does, `UNKNOWN` if it lies in what is unknown."""
    for part in path.split("."):
        if value is UNKNOWN:
            return UNKNOWN
        if is_list(value):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if is_map(value) else None
    return value


def member_of(names: Iterable[str], name: str, spec: Property) -> str:
    """The one of an API's members that a property's first (or only) member is; empty if there is none."""
    lowered = {each.lower(): each for each in names}
    if spec.member:
        return lowered.get(spec.member.split(".")[0].lower(), "")
    key = name.lower()
    return lowered.get(key) or lowered.get(key.removesuffix("s"), "")


def fits(member: str, name: str, spec: Property) -> bool:
    """Whether a property is sent as a member, at the top level."""
    return bool(member_of((member,), name, spec))


def parameters(resource: Resource, operation: str, only: Sequence[str] | None) -> dict[str, Any]:
    """What an operation takes of a resource, each value located at its property.

    What identifies the resource is always among it; of the rest, everything (None) or `only` these dotted paths.
    """
    shape = input_shape(resource.row.service, operation)
    row = resource.row
    taken: dict[str, Any] = {}
    if row.key.member and row.key.member in shape.members:
        taken[row.key.member] = resource.id
    # A structure that an operation requires is sent though nothing in it is given.
    taken |= {each.member.split(".")[0]: {} for each in row.properties.values() if _required(shape, each)}
    for name, spec in row.properties.items():
        value = resource.values.get(name)
        if value is None and only and name in only:
            value = spec.removed
        if value is not None and (name in row.key.properties or _wanted(name, only)):
            _place(taken, shape, name, spec, value, name, only)
    return taken


def _required(shape: StructureShape, spec: Property) -> bool:
    outer, dot, _ = spec.member.partition(".")
    return bool(dot) and outer in shape.required_members


def _wanted(path: str, only: Sequence[str] | None) -> bool:
    return only is None or any(
        each == path or each.startswith(f"{path}.") or path.startswith(f"{each}.") for each in only
    )


def _place(
    target: Any, shape: Shape, name: str, spec: Property, value: Any, path: str, only: Sequence[str] | None
) -> None:
    member = member_of(_members(shape), name, spec)
    if not member:
        return
    *outer, last = spec.member.split(".") if "." in spec.member else [member]
    for each in outer:
        if isinstance(shape, ListShape):
            shape, target = shape.member, target[0]
        else:
            shape = _members(shape)[each]
            target = target.setdefault(each, [{}] if isinstance(shape, ListShape) else {})
    if last in _members(shape):
        target[last] = _to_api(value, spec, _members(shape)[last], path, only)


def _members(shape: Shape) -> Mapping[str, Shape]:
    return shape.members if isinstance(shape, StructureShape) else {}


def _to_api(value: Any, spec: Property, shape: Shape, path: str, only: Sequence[str] | None) -> Located:
    if value is UNKNOWN:
        return Located(path, value)
    if spec.encode and isinstance(value, (dict, list, tuple)):
        return Located(path, spec.encode(value), whole=True)
    if spec.fields is None:
        return Located(path, coerce(value, shape))
    if not spec.many:
        return Located(path, _block(value, spec.fields, shape, path, only))
    inner = shape.member if isinstance(shape, ListShape) else shape
    if not is_list(value):
        return Located(path, value)
    # A list of blocks is sent whole: `only` chooses properties, not elements.
    return Located(
        path, [_block(item, spec.fields, inner, f"{path}[{index}]", None) for index, item in enumerate(value)]
    )


def _block(value: Any, fields: Mapping[str, Property], shape: Shape, path: str, only: Sequence[str] | None) -> Any:
    if not is_map(value):
        return Located(path, value)
    taken: dict[str, Any] = {}
    for name, spec in fields.items():
        inner = f"{path}.{name}"
        if value.get(name) is not None and _wanted(inner, only):
            _place(taken, shape, name, spec, value[name], inner, only)
    return Located(path, taken)


def coerce(value: Any, shape: Shape) -> Any:
    """A value in the API's type where the engine's means the same, as the bridge does: "true", "3", 3 for text."""
    if isinstance(shape, ListShape) and is_list(value):
        return [coerce(item, shape.member) for item in value]
    if isinstance(shape, MapShape) and is_map(value):
        return {key: coerce(item, shape.value) for key, item in value.items()}
    if shape.type_name == "string" and isinstance(value, (bool, int, float)):
        return str(value).lower()
    if shape.type_name == "boolean" and value in ("true", "false"):
        return value == "true"
    if shape.type_name in {"integer", "long"} and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value


def properties(found: Mapping[str, Any], specs: Mapping[str, Property]) -> dict[str, Any]:
    """The properties that a description tells, in Pulumi's names and types."""
    told: dict[str, Any] = {}
    for name, spec in specs.items():
        member = member_of(found, name, spec)
        inner = spec.member.partition(".")[2]
        value = found.get(member)
        value = pick(value, inner) if inner else value
        if value is not None:
            told[name] = _from_api(value, spec)
    return told


def _from_api(value: Any, spec: Property) -> Any:
    if spec.decode:
        return spec.decode(value)
    if spec.fields is not None and is_map(value):
        return properties(value, spec.fields)
    if spec.fields is not None and is_list(value):
        return [properties(item, spec.fields) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if spec.text:
        return str(value).lower()
    return value
