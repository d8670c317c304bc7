"""A changed document, such as a policy, compared by key: what differs in it, instead of both texts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from delivery.preview_steps import ABSENT, Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from delivery.preview_steps import Absent

NAMED_BY = ("Sid", "name", "key")
"""Keys that tell the items of a list apart, whatever their order: statements of IAM have a Sid."""


def expand(change: Change) -> list[Change]:
    """The changes within a change of a document; the change itself where it is none, or where nothing differs."""
    old, new = _document(change.old), _document(change.new)
    if not isinstance(old, dict | list) or type(old) is not type(new):
        return [change]
    found = [replace(change, path=path, old=old, new=new) for path, old, new in _differences(change.path, old, new)]
    return found or [change]


def _document(value: JsonValue | Absent) -> JsonValue | Absent:
    """The document that a text holds; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return cast("JsonValue", json.loads(value))
        except ValueError:
            return value
    return value


Difference = tuple[str, "JsonValue | Absent", "JsonValue | Absent"]


def _differences(path: str, old: JsonValue | Absent, new: JsonValue | Absent) -> Iterator[Difference]:
    if old == new:
        return
    match old, new:
        case dict(), dict():
            for key in (*old, *(key for key in new if key not in old)):
                yield from _differences(f"{path}.{key}", old.get(key, ABSENT), new.get(key, ABSENT))
        case list(), list():
            yield from _of_lists(path, old, new)
        case _:
            yield path, old, new


def _of_lists(path: str, old: list[JsonValue], new: list[JsonValue]) -> Iterator[Difference]:
    names = _names(old), _names(new)
    if names[0] is not None and names[1] is not None:
        before, after = dict(zip(names[0], old, strict=True)), dict(zip(names[1], new, strict=True))
        for name in dict.fromkeys((*names[0], *names[1])):
            yield from _differences(f"{path}[{name}]", before.get(name, ABSENT), after.get(name, ABSENT))
    elif any(isinstance(item, dict | list) for item in (*old, *new)):
        for index in range(max(len(old), len(new))):
            pair = (items[index] if index < len(items) else ABSENT for items in (old, new))
            yield from _differences(f"{path}[{index}]", *pair)
    else:
        gone, added = [item for item in old if item not in new], [item for item in new if item not in old]
        if not gone and not added:  # in another order, or some of them twice
            yield path, old, new
        yield from ((f"{path}[]", item, ABSENT) for item in gone)
        yield from ((f"{path}[]", ABSENT, item) for item in added)


def _names(items: list[JsonValue]) -> list[str] | None:
    """What tells the items of a list apart; None where nothing does."""
    for key in NAMED_BY:
        found = [item[key] for item in items if isinstance(item, dict) and isinstance(item.get(key), str)]
        if items and len(found) == len(items) == len(set(map(str, found))):
            return list(map(str, found))
    return None
