"""A CONNECT proxy that leads some hosts to this machine, and no other anywhere.

Source: RFC 9110, 9.3.6 (CONNECT).
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from sandbox.account.process import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEAD = 8192
CHUNK = 65536


class Proxy:
    """Serves on a port of its own, in a thread, until it is closed."""

    def __init__(self, hosts: Mapping[str, int], log: Callable[[str], None]) -> None:
        """Start.

        Args:
            hosts: host name → the port of loopback that stands for it.
            log: takes a line for each host that is refused.
        """
        self._hosts = hosts
        self._log = log
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, LOOPBACK, 0, limit=HEAD))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, _, rest = head.partition(" ")
            host = rest.partition(" ")[0].rpartition(":")[0]
            port = self._hosts.get(host)
            if method != "CONNECT" or port is None:
                self._log(f"{method} {rest.partition(' ')[0]} is refused: nothing here reaches beyond this machine")
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
            else:
                there, out = await asyncio.open_connection(LOOPBACK, port)
                writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
                await writer.drain()
                await asyncio.gather(_copy(reader, out), _copy(there, writer))
        writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    target.close()
