"""The two ports of one server: /metrics has its own, so that no load balancer of the other one reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send


class Ports:
    """An ASGI application: metrics on their port, the service on any other."""

    def __init__(self, service: ASGIApp, registry: CollectorRegistry, metrics_port: int) -> None:
        async def expose(_request: Request) -> Response:
            return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

        self._service = service
        self._metrics = Starlette(routes=[Route("/metrics", expose)])
        self._metrics_port = metrics_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a connection to the application of the port that it came in at."""
        # ASGI, HTTP scope: `server` is the address that was connected to; lifespan has none.
        _, port = scope.get("server") or (None, None)
        await (self._metrics if port == self._metrics_port else self._service)(scope, receive, send)
