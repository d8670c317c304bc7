"""Mermaid's own parser, in node: what it understands of a Gantt chart. Installed once, into the cache of the tools."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

import pydantic

from tests.support.checkout import REPOSITORY
from tools import once

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

SOURCES = REPOSITORY / "tools" / "mermaid"
NEEDED = ("package.json", "package-lock.json", ".npmrc", "parse.mjs")
MISSING = "node and npm are needed (Debian: nodejs, npm): mermaid's parser checks the charts of `fleet timeline`"


class Task(pydantic.BaseModel):
    """A bar; times are seconds since 1970."""

    section: str
    name: str
    start: float
    end: float
    critical: bool


class Gantt(pydantic.BaseModel):
    """What mermaid understood of a chart."""

    title: str = ""
    tasks: list[Task] = []
    error: str = ""
    """Why it refused it."""


class Parser:
    """A running parser."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._in, self._out = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)

    def parse(self, text: str) -> Gantt:
        """What mermaid understands of a text."""
        self._in.write(json.dumps(text) + "\n")
        self._in.flush()
        return Gantt.model_validate_json(self._out.readline())


@contextmanager
def running() -> Generator[Parser]:
    """A parser, until the block ends."""
    command = ["node", str(_installed() / "parse.mjs")]
    environ = {**os.environ, "TZ": "UTC"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        yield Parser(process)
        cast("IO[str]", process.stdin).close()


def _installed() -> Path:
    """The folder of the parser and its packages. Raises AssertionError: there is no node."""
    assert shutil.which("node"), MISSING
    assert shutil.which("npm"), MISSING
    digest = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in NEEDED)).hexdigest()[:16]
    folder = once.cache("mermaid") / digest
    if folder.exists():
        return folder
    with once.turn(folder.parent, "mermaid", print):
        if not folder.exists():
            with once.complete(folder) as partial:
                for name in NEEDED:
                    shutil.copy(SOURCES / name, partial)
                subprocess.run(["npm", "ci", "--quiet"], cwd=partial, check=True, stdin=subprocess.DEVNULL)
    return folder
