"""Files that a reader, or a second command on the same folder, never sees half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str, *, executable: bool = False) -> None:
    """Put `text` in place of whatever file `path` names, in one step; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        partial.chmod(0o755 if executable else 0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
