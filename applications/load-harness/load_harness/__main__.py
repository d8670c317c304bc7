"""`python -m load_harness`: the service, until SIGTERM and what drains after it."""

from __future__ import annotations

import logging
import logging.config
import socket
import sys
import time
from typing import TYPE_CHECKING

import uvicorn
from pythonjsonlogger.core import RESERVED_ATTRS

from load_harness.app import Readiness, build
from load_harness.protocol import Protocol
from load_harness.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from types import FrameType

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "%(levelname)s %(name)s %(message)s",
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": "time",
            "reserved_attrs": [*RESERVED_ATTRS, "color_message"],
        }
    },
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "root": {"level": "INFO", "handlers": ["out"]},
}

log = logging.getLogger("load_harness")


class Server(uvicorn.Server):
    """A server that goes on answering for a while after SIGTERM, with /ready saying no."""

    def __init__(self, settings: Settings, readiness: Readiness) -> None:
        config = uvicorn.Config(
            build(settings, readiness),
            log_config=None,
            access_log=False,
            server_header=False,
            http=Protocol,
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
        super().__init__(config)
        self._drain_seconds = settings.drain_seconds
        self._readiness = readiness
        self._end: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Drain first; a second signal ends it at once."""
        if self._readiness.draining:
            self.should_exit = True
            return
        self._readiness.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Whether to end, ten times a second."""
        if self._readiness.draining and self._end is None:
            # Not where the signal is handled: it may have interrupted a line of the log.
            log.info("draining", extra={"seconds": self._drain_seconds})
            self._end = time.monotonic() + self._drain_seconds
        drained = self._end is not None and time.monotonic() >= self._end
        return await super().on_tick(counter) or drained


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(f"port {port}: {error.strerror}") from None


def main() -> None:
    """Serve until the end."""
    try:
        settings = load()
        sockets = [_listen(settings.host, port) for port in (settings.port, settings.metrics_port)]
    except SettingsError as error:
        sys.exit(f"load-harness: {error}")
    logging.config.dictConfig(LOGGING)
    if settings.api_key is None:
        log.warning("anybody who reaches the port may make load: API_KEY_REQUIRED is false")
    Server(settings, Readiness()).run(sockets)
    log.info("ended")


if __name__ == "__main__":
    main()
