"""Verdicts of tools, kept in the user's cache: a tool is asked again only about what it has not judged yet.

A file holds the verdicts of one tool on one basis (its version, the policies or schemas, the code that reads it). The
basis names the file: another version or policy never meets an older verdict. Its first line is the digest of the rest.
A file that is broken, cut short or unused for 30 days counts as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import binaries
from tools import once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

LIMIT = 50_000
"""Verdicts in a file; those that were not needed for longest go first."""

UNUSED = 30 * 24 * 3600.0
"""Seconds after which a file that no check has read is not believed, and removed."""


def folder() -> Path:
    """The folder of all verdicts, ${XDG_CACHE_HOME:-~/.cache}/infra-fleet/checks."""
    return once.cache("checks")


def digest(*parts: object) -> str:
    """One name for texts, bytes and what JSON can say: mappings in any order of their keys are the same."""
    made_from = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        made_from.update(hashlib.sha256(data).digest())
    return made_from.hexdigest()[:32]


@dataclass(frozen=True)
class Cache:
    """The verdicts of one tool on one basis, by the digests of what it was asked about."""

    path: Path | None
    """None: nothing is read or kept."""
    known: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, tool: str, *basis: object, enabled: bool = True) -> Cache:
        """The verdicts that are kept.

        Args:
            tool: its name, which begins the file's.
            basis: all that a verdict depends on besides what the tool is asked about.
            enabled: False for one that neither reads nor keeps any.
        """
        if not enabled:
            return cls(None)
        path = folder() / f"{tool}-{digest(*basis)}.jsonl"
        return cls(path, dict(_read(path)))

    @property
    def is_new(self) -> bool:
        """Whether the tool has not been asked on this basis."""
        return not self.known

    def verdicts(self, keys: Sequence[str], ask: Callable[[list[int]], Sequence[Any]]) -> list[Any]:
        """The verdict on each key; the tool is asked about those that are not known, once each.

        Args:
            keys: the digests of what is to be judged.
            ask: gives a verdict, as JSON can hold it, for each index in `keys`.

        Raises what `ask` raises; nothing is kept then.
        """
        missing = {key: index for index, key in enumerate(keys) if key not in self.known}
        answers = dict(zip(missing, ask(list(missing.values())), strict=True)) if missing else {}
        found = {key: answers[key] if key in answers else self.known[key] for key in dict.fromkeys(keys)}
        if self.path is not None:
            for key, verdict in found.items():
                self.known.pop(key, None)
                self.known[key] = verdict
            if missing:
                _write(self.path, list(self.known.items())[-LIMIT:])
            elif keys:
                with contextlib.suppress(OSError):
                    os.utime(self.path)
        return [found[key] for key in keys]


def _read(path: Path) -> Mapping[str, Any]:
    """What a file holds; nothing if any of it cannot be believed."""
    try:
        if path.stat().st_mtime < time.time() - UNUSED:
            return {}
        said, _, body = path.read_bytes().partition(b"\n")
        if said.decode("ascii") != hashlib.sha256(body).hexdigest():
            return {}
        return dict(json.loads(line) for line in body.splitlines())
    except (OSError, ValueError, TypeError):
        return {}


def _write(path: Path, verdicts: Iterable[tuple[str, Any]]) -> None:
    """Replace a file in one step. What cannot be written is said, and costs the next run time only."""
    body = "".join(f"{json.dumps(verdict)}\n" for verdict in verdicts).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=once.PARTIAL, delete=False) as file:
            file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        Path(file.name).replace(path)
        for each in path.parent.iterdir():
            if each.stat().st_mtime < time.time() - UNUSED:
                each.unlink()
    except OSError as error:
        binaries.say(f"verdicts are not kept: {path.parent}: {error.strerror}")
