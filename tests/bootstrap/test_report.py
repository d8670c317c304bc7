"""A cluster whose names, messages and hosts are hostile: no line of a report obeys it."""

from __future__ import annotations

import io
import json
import re

import pytest

from bootstrap import report
from bootstrap.report import Report
from common.console import Console, Look, Progress
from common.errors import FleetError
from common.text import to_json
from common.world import SANDBOX_VARIABLE
from tests.common.hostile import HOSTILE, obeyed
from tests.support.documented import unknown


def of(text: str) -> Report:
    first = {"object": text, "message": text, "case": text, "advice": text}
    checks = [{"title": "HelmReleases are ready", "done": False, "detail": text}]
    return Report(text, good=False, failure=text, checks=checks, first=first, others=1, urls=[text])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_report_of_a_hostile_cluster_is_ours_in_every_line(text: str) -> None:
    hostile, plain = of(text), of("x")
    file = io.StringIO()
    for line in hostile.lines():
        Console(file=file).print(line)
    assert len(file.getvalue().splitlines()) == len(plain.lines())
    assert not obeyed(file.getvalue())

    markdown = hostile.to_markdown()
    assert len(markdown.splitlines()) == len(plain.to_markdown().splitlines())
    assert [line for line in markdown.splitlines() if line.startswith("#")] == [markdown.splitlines()[0]]
    assert not re.search(r"<(?!/?code>)|\]\(|@|https?://|\*\*|`", markdown)
    assert not obeyed(markdown)

    document = to_json(hostile.document)
    assert json.loads(document)["good"] is False
    assert not obeyed(document)


@pytest.mark.parametrize("text", HOSTILE)
def test_progress_says_a_line_for_a_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.console.PAUSE", 0)
    file = io.StringIO()
    progress = Progress(Console(file=file))
    with progress.step("a", text) as step:
        step.said = text
        progress.say(text)
    with pytest.raises(FleetError):
        progress.wait("x", -1, lambda: Look([text]))
    assert len(file.getvalue().splitlines()) == 3
    assert not obeyed(file.getvalue())


def test_the_next_steps_in_the_sandbox_lead_back_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SANDBOX_VARIABLE, raising=False)
    assert any("kubectl" in line.text for line in report.next_steps())
    monkeypatch.setenv(SANDBOX_VARIABLE, "/a/sandbox")
    assert all(line.text.startswith("fleet sandbox ") for line in report.next_steps())
    assert not any(unknown(line.text.split()[1:]) for line in report.next_steps())


def test_nothing_is_ticked_that_was_not_looked_at_and_the_cause_comes_first() -> None:
    checks = [
        {"title": "Kustomizations", "done": False, "detail": "1 of 2", "skipped": False},
        {"title": "ImageRepositories", "done": True, "detail": "not checked here", "skipped": True},
    ]
    first = {"object": "Kustomization a/b", "message": "no such path", "case": "", "advice": "fix the path"}
    told = report.Report(title="x", good=False, checks=checks, first=first)
    assert [str(line)[0] for line in told.lines()] == ["f", "→", "✗", "–"]  # noqa: RUF001  # a dash
    assert "✓" not in told.to_markdown()
