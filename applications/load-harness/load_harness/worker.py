"""A process that makes load: `python -m load_harness.worker cpu|memory SECONDS AMOUNT`.

It ends after its seconds, or with whoever holds its standard input: a service that is killed leaves no load behind.
The standard library alone, so that it starts at once.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time

SLICE = 0.1
"""Seconds in which a CPU worker is busy and idle once."""
PAGE = 4096
MEBIBYTE = 1024 * 1024


def burn(seconds: float, intensity: float) -> None:
    """Keep one core busy for a share of the time, above 0 and up to 1."""
    end = time.monotonic() + seconds
    value = 0.0
    while (now := time.monotonic()) < end:
        while time.monotonic() < min(end, now + SLICE * intensity):
            for _ in range(1000):
                value = math.sin(value) + 1.0
        time.sleep(SLICE * (1 - intensity))


def hold(seconds: float, mebibytes: int) -> None:
    """Hold memory, each page of it written to: Linux gives none that is only asked for."""
    block = bytearray(mebibytes * MEBIBYTE)
    block[::PAGE] = b"\1" * len(range(0, len(block), PAGE))
    time.sleep(seconds)


def _end_with_the_service() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


def main() -> None:
    """Make load of one kind."""
    kind, seconds, amount = sys.argv[1:]
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    if kind == "cpu":
        burn(float(seconds), float(amount))
    else:
        hold(float(seconds), int(amount))


if __name__ == "__main__":
    main()
