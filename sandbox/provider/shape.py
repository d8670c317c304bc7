"""The walker: what a call's parameters break of the service's own model.

botocore validates types, required members and ranges, but neither enumerations nor patterns, and only when it calls.
The walker checks all of them, and takes `UNKNOWN` for any value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .values import UNKNOWN, is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import Shape

_NUMBERS = {"integer", "long", "float", "double"}
_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "string": (str,),
    "blob": (str, bytes),
}
_CALLED = {"structure": "an object", "map": "an object", "integer": "an integer", "long": "an integer", "blob": "bytes"}
# Python's re has no Unicode categories: each becomes the nearest class, never a narrower one.
_CATEGORIES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Nd}": r"\d", r"\p{Z}": r"\s", r"\p{Zs}": r"\s", r"\p{M}": r"\w"}


@dataclass(frozen=True)
class Located:
    """A parameter and the path of the property that it comes from. `whole`: its parts have no paths of their own."""

    path: str
    value: Any
    whole: bool = False


@dataclass(frozen=True)
class Violation:
    """What is wrong at a path. `member` is set when the path is the API's own and not a property's."""

    path: str
    reason: str
    member: str = ""


def plain(value: Any) -> Any:
    """Parameters without locations and without members that have no value."""
    if isinstance(value, Located):
        return plain(value.value)
    if is_map(value):
        return {key: item for key, item in ((key, plain(item)) for key, item in value.items()) if item is not None}
    if is_list(value):
        return [plain(item) for item in value]
    return value


def walk(value: Any, shape: Shape, path: str = "", *, whole: bool = False) -> Iterator[Violation]:
    """Everything in a parameter that its shape does not allow."""
    if isinstance(value, Located):
        yield from walk(value.value, shape, value.path, whole=value.whole)
        return
    if value is UNKNOWN:
        return
    wrong = _wrong_type(value, shape)
    if wrong:
        yield Violation(path, wrong)
    elif is_map(value):
        yield from _walk_object(value, shape, path, whole=whole)
    elif is_list(value):
        yield from _range(len(value), shape, path, f"{len(value)} elements")
        for index, item in enumerate(value):
            yield from walk(item, _attribute(shape, "member"), path if whole else f"{path}[{index}]", whole=whole)
    elif isinstance(value, str):
        yield from _text(value, shape, path)
    elif shape.type_name in _NUMBERS:
        yield from _range(value, shape, path, str(value))


def _wrong_type(value: Any, shape: Shape) -> str:
    allowed = _TYPES.get(shape.type_name)
    boolean_as_number = isinstance(value, bool) and shape.type_name != "boolean"
    if allowed is None or (isinstance(value, allowed) and not boolean_as_number):
        return ""
    return f"{value!r} is not {_CALLED.get(shape.type_name, f'a {shape.type_name}')}"


def _walk_object(value: dict[str, Any], shape: Shape, path: str, *, whole: bool) -> Iterator[Violation]:
    if shape.type_name == "map":
        yield from _range(len(value), shape, path, f"{len(value)} entries")
        for key, item in value.items():
            inner = path if whole else f"{path}[{key!r}]"
            yield from walk(key, _attribute(shape, "key"), inner, whole=whole)
            yield from walk(item, _attribute(shape, "value"), inner, whole=whole)
        return
    members: dict[str, Shape] = _attribute(shape, "members")
    for name in _attribute(shape, "required_members"):
        if plain(value.get(name)) is None:
            yield Violation(path, "is required", member=name)
    for name, item in value.items():
        if name not in members:
            yield Violation(path, f"{shape.name} has no member {name!r}")
        elif plain(item) is not None:
            yield from walk(item, members[name], path if whole else f"{path}.{name}".lstrip("."), whole=whole)


def _text(value: str, shape: Shape, path: str) -> Iterator[Violation]:
    allowed: list[str] = _attribute(shape, "enum")
    if allowed and value not in allowed:
        yield Violation(path, f"{value!r} is not allowed: one of {', '.join(allowed)}")
    pattern = shape.metadata.get("pattern")
    if pattern and not compiled(str(pattern)).fullmatch(value):
        yield Violation(path, f"{value!r} is not allowed: it must match {pattern}")
    yield from _range(len(value), shape, path, f"{value!r} has {len(value)} characters")


def _range(size: float, shape: Shape, path: str, what: str) -> Iterator[Violation]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < float(str(least)):
        yield Violation(path, f"{what}: at least {least} allowed")
    if most is not None and size > float(str(most)):
        yield Violation(path, f"{what}: at most {most} allowed")


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A service model's pattern for Python. AWS matches the whole value, anchored or not."""
    for category, nearest in _CATEGORIES.items():
        pattern = pattern.replace(category, nearest)
    # Java ends a range that begins with a class, and lets a flag hold from where it stands to the end of its group.
    pattern = re.sub(r"(\\[dsw])-(?!\])", r"\1\-", pattern)
    pattern = re.sub(r"(?<=.)\(\?i\)([^()]*)", r"(?i:\1)", pattern)
    return re.compile(pattern)


def _attribute(shape: Shape, name: str) -> Any:
    """An attribute that only shapes of the kind at hand have: members, member, key, value, enum."""
    return getattr(shape, name)
