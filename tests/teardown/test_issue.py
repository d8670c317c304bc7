"""One issue while nights fail: opened, updated, closed by the next that ends well, and by nothing else."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from teardown import issue
from teardown.errors import TeardownError

if TYPE_CHECKING:
    from collections.abc import Iterator

ME = {"login": issue.BOT}


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
                return self.add(given["body"])
            case "PATCH", [number]:
                self.all[int(number) - 1].update(given)
                return self.all[int(number) - 1]
            case "POST", [_, "comments"]:
                self.comments.append(given["body"])
                return {"body": given["body"]}
            case _:
                raise AssertionError(request)


@pytest.fixture
def issues(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issues]:
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


@pytest.mark.parametrize(
    ("destroy", "watchdog"), [("failure", "skipped"), ("cancelled", "skipped"), ("skipped", "failure")]
)
def test_a_failure_opens_one_and_the_next_updates_it(issues: Issues, destroy: str, watchdog: str) -> None:
    assert issue.report("staging", destroy, watchdog, kept=False) == "opened: #1"
    assert "https://github.com/o/r/actions/runs/7" in issues.all[0]["body"]
    assert issue.report("staging", destroy, watchdog, kept=False) == "updated: #1"
    assert len(issues.all) == 1


def test_a_night_that_ended_well_closes_it(issues: Issues) -> None:
    issues.add(issue.body("staging", {"destroy": "failure"}))
    issues.add(issue.body("blue", {"destroy": "failure"}))
    assert issue.report("staging", "success", "skipped", kept=False) == "closed: #1"
    assert [each["state"] for each in issues.all] == ["closed", "open"]


@pytest.mark.parametrize(("destroy", "watchdog", "kept"), [("success", "skipped", True), ("skipped", "success", False)])
def test_a_night_that_was_skipped_and_a_watchdog_close_nothing(
    issues: Issues, destroy: str, watchdog: str, kept: bool
) -> None:
    issues.add(issue.body("staging", {"destroy": "failure"}))
    assert issue.report("staging", destroy, watchdog, kept=kept) == "left open: #1"


def test_an_issue_of_somebody_else_is_not_ours(issues: Issues) -> None:
    issues.add(issue.body("staging", {"destroy": "failure"}), {"login": "stranger"})
    assert issue.report("staging", "success", "skipped", kept=False) == "no issue is open, and none is needed"
    assert issue.report("staging", "failure", "skipped", kept=False) == "opened: #2"


def test_without_a_token_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with pytest.raises(TeardownError, match="GITHUB_TOKEN"):
        issue.report("staging", "failure", "skipped", kept=False)
