"""The middleware around every request: it is counted, timed and logged, and a HEAD is answered like its GET."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from load_harness.metrics import Metrics

PROBES = frozenset({"/health", "/ready"})
"""Routes that Kubernetes and the load balancer ask all the time: they are logged at level DEBUG."""

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})

log = logging.getLogger(__name__)


class Observing:
    """An ASGI middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        begun = time.perf_counter()

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # A copy: the server drops the body of what it knows to be a HEAD.
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await self._app(asked, receive, watching)
        finally:
            self._record(scope["method"], asked, status, time.perf_counter() - begun)

    def _record(self, sent: str, scope: Scope, status: int, seconds: float) -> None:
        # The route's template: a path is a stranger's text, and each would be a time series.
        route = getattr(scope.get("route"), "path", "none")
        method = sent if sent in METHODS else "other"
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.durations.labels(method, route).observe(seconds)
        level = logging.DEBUG if route in PROBES else logging.INFO
        log.log(
            level,
            "request",
            extra={"method": method, "path": scope["path"], "status": status, "seconds": round(seconds, 6)},
        )
