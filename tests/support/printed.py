"""What a report's lines look like once they are printed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from common.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterable


def printed(parts: Iterable[object]) -> list[str]:
    """Each line where nobody looks: without colours, a table's row in one."""
    file = io.StringIO()
    Console(file=file).print(*parts)
    return file.getvalue().splitlines()
