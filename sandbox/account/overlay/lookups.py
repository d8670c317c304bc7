"""What moto looks up anew for each request, and never changes: remembered, a third of the account's time."""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportPrivateImportUsage=false

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from moto import backends
from moto.core import responses, serialize, utils

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Keys = tuple[str, ...]


def install() -> None:
    """Remember moto's services, the operations of each, and where its objects hold the members of a shape."""
    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    responses.method_names_from_class = cache(utils.method_names_from_class)
    picker: Any = serialize.XFormedAttributePicker
    picker.get_possible_keys = _remembered(picker.get_possible_keys)


def _remembered(look_up: Callable[[Any, Any], Iterable[str]]) -> Callable[[Any, Any], Keys]:
    """The names that a member may have in an object: they depend on the object's class, the member, and its shape."""
    known: dict[tuple[type, str, int], tuple[Any, Keys]] = {}

    def possible(self: Any, context: Any) -> Keys:
        key = type(context.obj), context.key, id(context.shape)
        if key not in known:
            # The shape stays with its names: its id is no other's then.
            known[key] = context.shape, tuple(dict.fromkeys(look_up(self, context)))
        return known[key][1]

    return possible
