"""A GitHub of a few endpoints on an ephemeral port: comments of one pull request, in pages, and the token's user."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator

BOT = "github-actions[bot]"
PULL_REQUEST = "/repos/acme/platform/issues/7/comments"


@dataclass
class GitHub:
    """What it holds, what it was asked, and how it is to fail."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    calls: list[str] = field(default_factory=list[str])
    user: str | None = None
    """Whose the token is; None: a workflow's own."""
    failure: tuple[int, dict[str, str], str] | None = None
    """Status, headers and message of every answer."""

    def add(self, body: str, login: str = BOT) -> dict[str, Any]:
        number = len(self.comments) + 1
        comment = {
            "id": number,
            "body": body,
            "user": {"login": login, "url": f"{self.url}/users/x"},
            "url": f"{self.url}/repos/acme/platform/issues/comments/{number}",
            "html_url": f"https://github.example/acme/platform/pull/7#issuecomment-{number}",
        }
        self.comments.append(comment)
        return comment

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET")]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, dict[str, str], Any]:
        self.calls.append(f"{method} {path}")
        if self.failure:
            status, headers, message = self.failure
            return status, headers, {"message": message}
        match method, path:
            case "GET", "/user":
                if self.user is None:
                    return 403, {}, {"message": "Resource not accessible by integration"}
                return 200, {}, {"login": self.user}
            case "GET", _ if path == PULL_REQUEST:
                return self._page(query)
            case "POST", _ if path == PULL_REQUEST:
                return 201, {}, self.add(body["body"], self.user or BOT)
            case "PATCH", _:
                found = next(comment for comment in self.comments if comment["url"].endswith(path))
                found["body"] = body["body"]
                return 200, {}, found
            case _:
                return 404, {}, {"message": "Not Found"}

    def _page(self, query: dict[str, list[str]]) -> tuple[int, dict[str, str], Any]:
        size, number = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
        after = f"{self.url}{PULL_REQUEST}?per_page={size}&page={number + 1}"
        more = {"Link": f'<{after}>; rel="next"'} if number * size < len(self.comments) else {}
        return 200, more, self.comments[(number - 1) * size : number * size]


@contextmanager
def serving() -> Generator[GitHub]:
    there = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(text) if text else None
            status, headers, answer = there.answer(self.command, url.path, parse_qs(url.query), body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(data)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()
