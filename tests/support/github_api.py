"""A GitHub of one repository on an ephemeral port, which answers as GitHub's REST reference documents.

Issues that are off answer 410, what a plan lacks 403 or 422, what is not there 404. Lists come in pages.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

BOT = "github-actions[bot]"
NAME = "your-org/infra-fleet"
NO_ISSUES = "Issues has been disabled in this repository."

Answer = tuple[int, Any]


@dataclass
class GitHubApi:
    """What it holds, what it was asked, and how it is to fail."""

    url: str = ""
    name: str = NAME
    calls: list[str] = field(default_factory=list[str])
    failures: dict[str, Answer] = field(default_factory=dict[str, Answer])
    """Path below the repository → the answer of every call to it."""
    repository: dict[str, Any] = field(
        default_factory=lambda: {"fork": False, "private": False, "has_issues": True, "default_branch": "main"}
    )
    scopes: str | None = "repo, workflow"
    """Of the token; None: a fine-grained one, which tells none."""
    issues: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    comments: list[str] = field(default_factory=list[str])
    runs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict[int, list[dict[str, Any]]])
    documents: dict[str, Any] = field(default_factory=dict[str, Any])
    """Path below the repository → what GET answers."""

    def issue(self, body: str, login: str = BOT) -> dict[str, Any]:
        """Open one."""
        number = len(self.issues) + 1
        url = f"{self.url}/repos/{self.name}/issues/{number}"
        made = {"number": number, "body": body, "user": {"login": login}, "state": "open", "url": url}
        self.issues.append({**made, "html_url": f"#{number}"})
        return self.issues[-1]

    def run(
        self, sha: str, conclusion: str | None = "success", jobs: Mapping[str, str] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Start a run of a push to main, later than all before it; a conclusion ends it."""
        number = len(self.runs) + 1
        path = f"/repos/{self.name}/actions/runs/{100 + number}"
        identity = 100 + number
        made: dict[str, Any] = {
            "id": identity,
            "run_number": number,
            "head_sha": sha,
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion,
            "html_url": f"https://github.com{path.removeprefix('/repos')}",
            "url": self.url + path,
            "jobs_url": f"{self.url}{path}/jobs",
            **more,
        }
        self.runs.append(made)
        told = {"find what changed": "success", "apply, staging": conclusion} if jobs is None else jobs
        self.jobs[identity] = [{"name": name, "conclusion": result} for name, result in told.items()]
        return made

    @property
    def writes(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.calls if not call.startswith("GET")]

    def answer(self, method: str, path: str, given: Any) -> Answer:
        """Answer as GitHub would, without pages."""
        self.calls.append(f"{method} {path}")
        if path == "/user":
            return 200, {"login": "somebody", "id": 7}
        below = path.removeprefix(f"/repos/{self.name}").strip("/")
        if below in self.failures:
            return self.failures[below]
        match method, below.split("/"):
            case "GET", [""]:
                return 200, {"full_name": self.name, "url": f"{self.url}/repos/{self.name}", **self.repository}
            case _, ["issues", *rest]:
                return self._issues(method, rest, given)
            case "GET", ["actions", "workflows", "infra-apply.yml", "runs"]:
                return 200, {"workflow_runs": self.runs[::-1]}
            case "GET", ["actions", "runs", number]:
                found = [run for run in self.runs if run["id"] == int(number)]
                return (200, found[0]) if found else (404, {"message": "Not Found"})
            case "GET", ["actions", "runs", number, "jobs"]:
                return 200, {"jobs": self.jobs[int(number)]}
            case "GET", _ if below in self.documents:
                return 200, self.documents[below]
            case _:
                return 404, {"message": "Not Found"}

    def _issues(self, method: str, rest: Sequence[str], given: Any) -> Answer:
        if not self.repository["has_issues"]:
            return 410, {"message": NO_ISSUES}
        match method, rest:
            case "GET", []:
                return 200, [each for each in self.issues if each["state"] == "open"]
            case "POST", []:
                made = self.issue(given["body"])
                made["title"] = given["title"]
                return 201, made
            case "PATCH", [number]:
                self.issues[int(number) - 1].update(given)
                return 200, self.issues[int(number) - 1]
            case "POST", [_, "comments"]:
                self.comments.append(given["body"])
                return 201, {"body": given["body"]}
            case _:
                return 404, {"message": "Not Found"}


@contextmanager
def serving() -> Generator[GitHubApi]:
    """Serve one, to a client that does not pace itself."""
    there = GitHubApi()

    @Request.application
    def application(request: Request) -> Response:
        status, document = there.answer(request.method, request.path, request.get_json(silent=True))
        headers = {} if there.scopes is None else {"X-OAuth-Scopes": there.scopes}
        if status == 200 and request.method == "GET":
            size, number = (int(request.args.get(key, default)) for key, default in (("per_page", 30), ("page", 1)))
            document, is_last = _page(document, size, number)
            if not is_last:
                rest = "&".join(f"{name}={value}" for name, value in request.args.items() if name != "page")
                headers["Link"] = f'<{there.url}{request.path}?{rest}&page={number + 1}>; rel="next"'
        return Response(json.dumps(document), status, headers, content_type="application/json")

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    there.url = f"http://127.0.0.1:{server.server_port}"
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("common.github.BETWEEN_WRITES", 0)
            patch.setattr("common.github.BETWEEN_REQUESTS", 0)
            patch.setattr("common.github.RETRIES", 0)
            yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def of_workflow(monkeypatch: pytest.MonkeyPatch) -> Generator[GitHubApi]:
    """Serve one, with the variables that GitHub gives a workflow."""
    with serving() as there:
        values = {
            "GITHUB_API_URL": there.url,
            "GITHUB_REPOSITORY": there.name,
            "GITHUB_TOKEN": "token",
            "GITHUB_RUN_ID": "7",
        }
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
        yield there


def _page(document: Any, size: int, number: int) -> tuple[Any, bool]:
    """A page of a list, or of the one list beside `total_count`; and whether it is the last."""
    if isinstance(document, list):
        listed = cast("list[Any]", document)
        return listed[(number - 1) * size : number * size], number * size >= len(listed)
    found = cast("dict[str, Any]", document)
    if len(found) != 1 or not isinstance(next(iter(found.values())), list):
        return found, True
    ((key, listed),) = found.items()
    part, is_last = _page(listed, size, number)
    return {"total_count": len(listed), key: part}, is_last
