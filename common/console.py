"""Where a command prints: what it says to stderr, what it gives to stdout. Every line is cleaned here."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

import rich.console

from common.text import LINE, clean, lines, to_json


class Console(rich.console.Console):
    """Says lines of text on stderr, of which none can be a command to a terminal or to GitHub.

    A string is one line, whatever is in it. Colours come from `style`, never from the text.
    """

    def __init__(self, *, file: IO[str] | None = None) -> None:
        """Print to a file, by default stderr."""
        super().__init__(stderr=file is None, file=file, highlight=False, soft_wrap=True, markup=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; strings are cleaned."""
        super().print(*(clean(each, LINE) if isinstance(each, str) else each for each in objects), **options)

    def fail(self, error: object, **options: Any) -> None:
        """Print an error. All lines but the first are indented: what somebody else wrote cannot speak for us."""
        for number, line in enumerate(lines(str(error))):
            self.print(f"  {line}" if number else line, **options)

    def say_at_once(self, line: str) -> None:
        """Print a line from within a signal handler, past the stream: what the signal interrupted may hold its lock."""
        os.write(self.file.fileno(), f"{clean(line, LINE)}\n".encode())


def give(*lines: object) -> None:
    """Print lines of the result on stdout, whole: what reads them may be a program."""
    for line in lines:
        sys.stdout.write(f"{clean(line, None)}\n")
    sys.stdout.flush()


def give_json(document: object) -> None:
    """Print a document on stdout."""
    sys.stdout.write(f"{to_json(document)}\n")
    sys.stdout.flush()
