"""When two values of a property mean the same to AWS."""

from __future__ import annotations

import json
from typing import Any

from .values import has_unknown, is_list, is_map


def absent(value: Any) -> bool:
    """Whether a value says no more than none at all."""
    return value is None or (value in ("", [], {}))


def equal(old: Any, new: Any) -> bool:
    """The same value, whatever scalar type carries it: the SDK writes some booleans and numbers as text."""
    return not has_unknown(new) and _canonical(old) == _canonical(new)


def as_set(old: Any, new: Any) -> bool:
    """The same elements in any order."""
    if is_list(old) and is_list(new):
        return not has_unknown(new) and sorted(map(repr, _canonical(old))) == sorted(map(repr, _canonical(new)))
    return equal(old, new)


def as_json(old: Any, new: Any) -> bool:
    """The same document, however it is laid out; text that is not JSON compares as text."""
    return equal(parsed(old), parsed(new))


def parsed(value: Any) -> Any:
    """What text says as JSON; everything else, and other text, as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _canonical(value: Any) -> Any:
    if is_map(value):
        return {key: _canonical(value[key]) for key in sorted(value) if value[key] is not None}
    if is_list(value):
        return [_canonical(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value
