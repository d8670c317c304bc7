"""A tree of a stranger's pull request: what it names files and objects prints no line and no command of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from checks import report
from checks.findings import Finding, Place, Severity, Stage
from checks.run import Report
from common.text import to_json
from tests.common.hostile import HOSTILE, obeyed
from tests.support.printed import printed

if TYPE_CHECKING:
    from collections.abc import Callable


def as_text(told: Report) -> str:
    return "\n".join(printed(report.lines(told)))


def as_json(told: Report) -> str:
    return to_json(report.document(told))


def found(text: str) -> Report:
    return Report((Finding("E1", Severity.ERROR, Place(text), text, text, text),), (Stage.YAML,), (), 1, 1)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("show", [as_text, as_json, report.github])
def test_a_finding_is_ours_in_every_line(show: Callable[[Report], str], text: str) -> None:
    shown = show(found(text))
    assert len(shown.splitlines()) == len(show(found("x")).splitlines())
    commands = obeyed(shown)
    assert len(commands) == (1 if show is report.github else 0)
    assert all(re.fullmatch(r"::error file=[^:,]*,line=1,title=[^:,]*::([^%]|%25)*", line) for line in commands)
