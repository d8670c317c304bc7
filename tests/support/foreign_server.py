"""A server on an ephemeral port that answers as it is told, faults included: somebody else's, as a client sees it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        body: what is sent.
        status: HTTP status.
        headers: further headers.
        length: Content-Length, where it is not the body's.
        pause: seconds before each part of the body.
        part: bytes of a part; 0: all at once.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    length: int | None = None
    pause: float = 0.0
    part: int = 0


@dataclass
class ForeignServer:
    """What it answers, and what it was asked."""

    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict[str, Reply])
    """Path with its query → answer; all else is 404."""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Path, and the header Authorization."""
    tokens: dict[str, Reply] = field(default_factory=dict[str, Reply])
    """Path → the answer without credentials."""


@contextmanager
def serving() -> Generator[ForeignServer]:
    """Serve one."""
    there = ForeignServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            authorization = self.headers.get("Authorization", "")
            there.asked.append((self.path, authorization))
            replies = there.replies if authorization or self.path not in there.tokens else there.tokens
            reply = replies.get(self.path, Reply(b"404 page not found\n", 404))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            size = reply.part or max(len(reply.body), 1)
            for start in range(0, len(reply.body), size):
                time.sleep(reply.pause)
                try:
                    self.wfile.write(reply.body[start : start + size])
                except OSError:  # the client has enough
                    return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    there.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
