"""What the API's model is silent about: checks that rows give to their properties."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from .values import UNKNOWN, is_list

if TYPE_CHECKING:
    from collections.abc import Callable


def cidr(shortest: int, longest: int) -> Callable[[Any], str]:
    """An IPv4 block with its host bits zero and its prefix length within bounds."""

    def check(value: Any) -> str:
        try:
            block = ipaddress.IPv4Network(value)
        except ValueError as error:
            return f"{value!r} is not an IPv4 CIDR block: {error}"
        if shortest <= block.prefixlen <= longest:
            return ""
        return f"{value!r} is not allowed: a block between /{shortest} and /{longest}"

    return check


def boolean(value: Any) -> str:
    """A boolean that no operation takes."""
    return "" if isinstance(value, bool) else f"{value!r} is not a boolean"


def one_of(*allowed: str) -> Callable[[Any], str]:
    """One of some words."""
    return lambda value: "" if value in allowed else f"{value!r} is not allowed: one of {', '.join(allowed)}"


def each(check: Callable[[Any], str]) -> Callable[[Any], str]:
    """A list whose every known element passes a check."""
    return lambda value: (
        next(filter(None, (check(item) for item in value if item is not UNKNOWN)), "")
        if is_list(value)
        else f"{value!r} is not a list"
    )
