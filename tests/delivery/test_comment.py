from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from delivery.comment import post
from delivery.report_markdown import marker as marker_of
from tests.delivery.github import BOT, GitHub, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def marker(project: str, stack: str, kind: str = "preview") -> str:
    return marker_of(kind, project, stack)


REPORT = marker("infra-fleet", "staging") + "\n### Preview\n\n1 to create\n"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    with serving() as there:
        monkeypatch.setenv("GITHUB_API_URL", there.url)
        monkeypatch.setenv("GITHUB_TOKEN", "a-token")
        yield there


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.md"
    path.write_text(REPORT)
    return path


def send(report: Path) -> str:
    return post(report, "acme/platform", 7)


def test_the_first_report_is_a_new_comment(github: GitHub, report: Path) -> None:
    github.add("nice work", "someone")

    assert send(report) == "commented: https://github.example/acme/platform/pull/7#issuecomment-2"

    assert [(comment["body"], comment["user"]["login"]) for comment in github.comments[1:]] == [(REPORT, BOT)]


def test_the_next_report_rewrites_it_behind_pages_of_others(github: GitHub, report: Path) -> None:
    for number in range(70):
        github.add(f"comment {number}", "someone")
    own = github.add(marker("infra-fleet", "staging") + "\nolder")

    assert send(report).startswith("rewritten: ")

    assert own["body"] == REPORT
    assert github.writes == ["PATCH /repos/acme/platform/issues/comments/71"]


@pytest.mark.parametrize("there", [REPORT, REPORT.strip(), REPORT.replace("\n", "\r\n")])
def test_the_same_report_is_not_written_again(github: GitHub, report: Path, there: str) -> None:
    github.add(there)

    assert send(report).startswith("unchanged: ")

    assert github.writes == []


def test_each_stack_has_a_comment_of_its_own(github: GitHub, report: Path) -> None:
    other = github.add(marker("infra-fleet-permanent", "account") + "\nother")

    send(report)

    assert other["body"].endswith("other")
    assert len(github.comments) == 2


def test_a_diff_has_a_comment_next_to_the_preview_s(github: GitHub, report: Path) -> None:
    send(report)
    report.write_text(marker("infra-fleet", "staging", "diff") + "\n### Diff\n")

    assert send(report).startswith("commented: ")

    assert len(github.comments) == 2


def test_who_quotes_the_marker_is_not_rewritten(github: GitHub, report: Path) -> None:
    quotes = [github.add(REPORT + "?", "someone"), github.add("> " + REPORT), github.add("see\n" + REPORT)]
    before = [comment["body"] for comment in quotes]

    send(report)

    assert [comment["body"] for comment in quotes] == before
    assert github.writes == ["POST /repos/acme/platform/issues/7/comments"]


def test_a_person_s_token_rewrites_that_person_s_comment(github: GitHub, report: Path) -> None:
    github.user = "operator"
    github.add(REPORT + "?", "someone")
    own = github.add(marker("infra-fleet", "staging") + "\nolder", "operator")

    send(report)

    assert own["body"] == REPORT
    assert len(github.comments) == 2


def test_repository_and_number_are_the_run_s(
    github: GitHub, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/platform")

    assert post(report, None, None).startswith("commented: ")


@pytest.mark.parametrize(
    ("status", "headers", "message", "line"),
    [
        (401, {}, "Bad credentials", "acme/platform#7: GITHUB_TOKEN is not valid: set a new one"),
        (
            403,
            {},
            "Resource not accessible by integration",
            (
                "acme/platform#7: GITHUB_TOKEN may not do that: it needs `pull-requests: write`, which forks do not "
                "get (GitHub: Resource not accessible by integration)"
            ),
        ),
        (404, {}, "Not Found", "acme/platform#7: there is no such pull request, or GITHUB_TOKEN may not see it"),
        (
            403,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2000000000"},
            "API rate limit exceeded for installation",
            "acme/platform#7: API rate limit exceeded for installation: run it again after 03:33 UTC",
        ),
        (422, {}, "Validation Failed", "acme/platform#7: GitHub answers 422: Validation Failed"),
    ],
)
def test_a_refusal_is_one_line(
    github: GitHub, report: Path, status: int, headers: dict[str, str], message: str, line: str
) -> None:
    github.failure = (status, headers, message)

    with pytest.raises(FleetError) as caught:
        send(report)

    assert str(caught.value) == line


def test_a_refused_write_is_no_success(github: GitHub, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    github.user = "operator"
    github.add(marker("infra-fleet", "staging"), "someone")
    answer = github.answer

    def read_only(
        method: str, path: str, query: dict[str, list[str]], body: object
    ) -> tuple[int, dict[str, str], object]:
        return answer(method, path, query, body) if method == "GET" else (403, {}, {"message": "no"})

    monkeypatch.setattr(github, "answer", read_only)

    with pytest.raises(FleetError, match="pull-requests: write"):
        send(report)


def test_without_github_there_is_one_line(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as gone:
        monkeypatch.setenv("GITHUB_API_URL", gone.url)
    monkeypatch.setenv("GITHUB_TOKEN", "a-token")

    with pytest.raises(FleetError, match="acme/platform#7: GitHub cannot be reached"):
        send(report)


def test_what_is_not_set_is_named(report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FleetError, match="--repository"):
        post(report, None, 7)
    with pytest.raises(FleetError, match="--number"):
        post(report, "acme/platform", None)
    with pytest.raises(FleetError, match="GITHUB_TOKEN is not set"):
        send(report)
    push = tmp_path / "push.json"
    push.write_text(json.dumps({"after": "x"}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(push))
    with pytest.raises(FleetError, match="is not a pull request event"):
        post(report, "acme/platform", None)


def test_only_reports_are_posted(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="cannot be read"):
        send(tmp_path / "nosuch.md")
    (tmp_path / "other.md").write_text("# Something\n")
    with pytest.raises(FleetError, match="is not a report: `fleet preview"):
        send(tmp_path / "other.md")
