"""A GitHub of one repository's issues on an ephemeral port, and the environment of a workflow that writes to it."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from common.github import BOT

if TYPE_CHECKING:
    from collections.abc import Generator

    import pytest

ME = {"login": BOT}


class Issues:
    """The issues of a repository, as GitHub's REST API has them."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self.comments: list[str] = []
        self.url = ""

    def add(self, body: str, user: dict[str, str] = ME) -> dict[str, Any]:
        number = len(self.all) + 1
        url = f"{self.url}/repos/o/r/issues/{number}"
        made = {"number": number, "body": body, "user": user, "state": "open", "url": url, "html_url": f"#{number}"}
        self.all.append(made)
        return made

    def answer(self, request: Request) -> object:
        """What GitHub would."""
        part = request.path.removeprefix("/repos/o/r").strip("/").split("/")[1:]
        given: Any = request.get_json(silent=True)
        match request.method, part:
            case "GET", []:
                return [each for each in self.all if each["state"] == "open"]
            case "POST", []:
                made = self.add(given["body"])
                made["title"] = given["title"]
                return made
            case "PATCH", [number]:
                self.all[int(number) - 1].update(given)
                return self.all[int(number) - 1]
            case "POST", [_, "comments"]:
                self.comments.append(given["body"])
                return {"body": given["body"]}
            case _:
                raise AssertionError(request)


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Generator[Issues]:
    """Serve it, with the variables that GitHub gives a workflow."""
    there = Issues()

    @Request.application
    def application(request: Request) -> Response:
        return Response(json.dumps(there.answer(request)), content_type="application/json")

    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there.url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "GITHUB_API_URL": there.url,
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_TOKEN": "token",
        "GITHUB_RUN_ID": "7",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    yield there
    server.shutdown()
