"""The middleware around every request: refused when its body is too large, counted, timed and logged."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from load_harness.metrics import Metrics

LARGEST_BODY = 4096
"""Bytes: a job is a few numbers."""

QUIET = frozenset({"/health", "/ready", "/metrics"})
"""What Kubernetes and Prometheus ask all the time is logged at level DEBUG."""

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

        refusal = _refusal(Headers(scope=scope))
        try:
            await (refusal or self._app)(scope, receive, watching)
        finally:
            self._record(scope, status, time.perf_counter() - begun)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's template: a path is a stranger's text, and each would be a time series.
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.durations.labels(method, route).observe(seconds)
        level = logging.DEBUG if route in QUIET else logging.INFO
        log.log(
            level,
            "request",
            extra={"method": method, "path": scope["path"], "status": status, "seconds": round(seconds, 6)},
        )


def _refusal(headers: Headers) -> JSONResponse | None:
    if "transfer-encoding" in headers:
        return JSONResponse({"detail": "send the body with its Content-Length"}, 411)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        return JSONResponse({"detail": f"the body may have up to {LARGEST_BODY} bytes"}, 413)
    return None
