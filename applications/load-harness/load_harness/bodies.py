"""The middleware for request bodies: they are small, and arrive in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import HTTPException
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 4096
"""Bytes: a job is a few numbers."""


class Bodies:
    """An ASGI middleware. It looks at a body only when a route reads it, so that a route can refuse before that."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        unread = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        # Of the whole body: one byte at a time would never be late.
        deadline = asyncio.get_running_loop().time() + self._seconds

        async def reading() -> Message:
            nonlocal unread
            if not unread:
                return await receive()
            _check_size(headers)
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                text = f"the body is not complete after {self._seconds:g} s"
                raise HTTPException(408, text, headers={"connection": "close"}) from None
            unread = message.get("more_body", False)
            return message

        await self._app(scope, reading, send)


def _check_size(headers: Headers) -> None:
    if "transfer-encoding" in headers:
        raise HTTPException(411, "send the body with its Content-Length")
    length = headers["content-length"]
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        raise HTTPException(413, f"the body may have up to {LARGEST_BODY} bytes")
