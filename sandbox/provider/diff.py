"""What differs between the inputs that a resource has and those that it shall have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from .same import absent, equal
from .values import is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .row import Property, Row


class Kind(Enum):
    """How a property changes, as the engine's PropertyDiff names it."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class Change:
    """One changed property, at its path, and whether it takes another resource."""

    path: str
    kind: Kind
    replaces: bool

    @property
    def property(self) -> str:
        """The top-level property that it lies in."""
        return self.path.partition(".")[0].partition("[")[0]


def changes(row: Row, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Every change from old to new inputs. An unknown new value counts as changed."""
    return list(_block_changes(row.inputs, old, new, "", replaces=False))


def delete_before_replace(row: Row, new: Mapping[str, Any]) -> bool:
    """Whether a replacement cannot exist next to what it replaces: the program chose its name, or the row says so.

    Source: pulumi-terraform-bridge, nameRequiresDeleteBeforeReplace, and pulumi-aws' DeleteBeforeReplace.
    """
    return not row.stands_alone or (row.name is not None and row.name.given(new))


def is_ignored(change: Change, paths: Iterable[str]) -> bool:
    """Whether a change lies at or in what the program ignores (Pulumi documentation, `ignoreChanges`)."""
    return any(change.path == path or change.path.startswith((f"{path}.", f"{path}[")) for path in paths)


def touches(change: Change, path: str) -> bool:
    """Whether a change lies at, in or around a dotted path."""
    return any(
        one == other or one.startswith((f"{other}.", f"{other}["))
        for one, other in ((change.path, path), (path, change.path))
    )


def _block_changes(
    specs: Mapping[str, Property], old: Mapping[str, Any], new: Mapping[str, Any], path: str, *, replaces: bool
) -> Iterator[Change]:
    for name, spec in specs.items():
        inner = f"{path}.{name}" if path else name
        yield from _value_changes(spec, old.get(name), new.get(name), inner, replaces=replaces or spec.replaces)


def _value_changes(spec: Property, old: Any, new: Any, path: str, *, replaces: bool) -> Iterator[Change]:
    if absent(old) and absent(new):
        return
    if new is None and spec.computed:
        return
    if absent(old):
        yield Change(path, Kind.ADD, replaces)
    elif absent(new):
        yield Change(path, Kind.DELETE, replaces)
    elif spec.fields is not None and is_map(old) and is_map(new):
        yield from _block_changes(spec.fields, old, new, path, replaces=replaces)
    elif spec.fields is not None and is_list(old) and is_list(new):
        yield from _list_changes(spec.fields, old, new, path, replaces=replaces)
    elif not spec.same(old, new):
        if is_map(old) and is_map(new):
            yield from _map_changes(spec, old, new, path, replaces=replaces)
        else:
            yield Change(path, Kind.UPDATE, replaces)


def _list_changes(
    fields: Mapping[str, Property], old: list[Any], new: list[Any], path: str, *, replaces: bool
) -> Iterator[Change]:
    for index in range(max(len(old), len(new))):
        inner = f"{path}[{index}]"
        if index >= len(old):
            yield Change(inner, Kind.ADD, replaces)
        elif index >= len(new):
            yield Change(inner, Kind.DELETE, replaces)
        elif is_map(old[index]) and is_map(new[index]):
            yield from _block_changes(fields, old[index], new[index], inner, replaces=replaces)
        elif not equal(old[index], new[index]):
            yield Change(inner, Kind.UPDATE, replaces)


def _map_changes(
    spec: Property, old: dict[str, Any], new: dict[str, Any], path: str, *, replaces: bool
) -> Iterator[Change]:
    for key in sorted({*old, *new}):
        inner = f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'
        if key not in old:
            yield Change(inner, Kind.ADD, replaces)
        elif key not in new:
            yield Change(inner, Kind.DELETE, replaces)
        elif not spec.same(old[key], new[key]):
            yield Change(inner, Kind.UPDATE, replaces)
