"""A console can be spoken to at any moment."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from common.console import Console

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Interrupted(io.RawIOBase):
    """A stream whose every write is interrupted by a handler that has something to say."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.console: Console | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor

    def write(self, data: ReadableBuffer, /) -> int:
        if self.console:
            self.console.say_at_once("stopping\x1b[2J after this step")
        return os.write(self.descriptor, data)


def test_what_a_signal_handler_says_arrives_in_the_middle_of_a_write() -> None:
    reading, writing = os.pipe()
    raw = Interrupted(writing)
    console = Console(file=io.TextIOWrapper(io.BufferedWriter(raw), write_through=True))
    raw.console = console
    console.print("a line")
    raw.console = None
    os.close(writing)
    with open(reading, encoding="utf-8") as said:  # noqa: PTH123  # a pipe
        assert said.read() == "stopping after this step\na line\n"
