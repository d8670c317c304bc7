"""Files that a reader, or a second command on the same folder, never sees half written."""

from __future__ import annotations

import tempfile
from pathlib import Path


def write(path: Path, text: str, *, executable: bool = False) -> None:
    """Put `text` in place of whatever `path` holds, in one step; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
    partial = Path(file.name)
    partial.chmod(0o755 if executable else 0o644)
    partial.replace(path)
