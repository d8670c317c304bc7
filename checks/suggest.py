"""The name that a misspelt one may have meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def near(name: str, known: Iterable[str]) -> str:
    """The known name that is most like another one, empty if none is."""
    return next(iter(difflib.get_close_matches(name, sorted(set(known) - {name}), n=1)), "")


def hint(name: str, known: Iterable[str]) -> str:
    """`: did you mean x?`, to be put behind a remedy; empty if no known name is like it."""
    found = near(name, known)
    return f": did you mean {found}?" if found else ""
