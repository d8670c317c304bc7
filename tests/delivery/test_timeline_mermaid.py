"""What a Gantt chart of `fleet timeline` is to Mermaid's own parser: exactly the rows, whatever they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.timeline import chart, timeline
from delivery.timeline.runs import Change, Kind, Run, Stage
from tests.support import gantt, recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gantt import Parser

SYNTAX = ("a: b", "a; b", "a # b", "a, b", "a\nsection b", "%% a", "%%{init: {}}%%", "```", "crit", "title a", "#59;")
NAMES = st.one_of(st.sampled_from(SYNTAX), st.text(max_size=100), st.text(":;#,%`\n {}<>ab_", max_size=20))


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with gantt.running() as found:
        yield found


def assert_understood(parser: Parser, shown: timeline.Timeline) -> None:
    """Mermaid reads the rows that there are, and nothing else."""
    read = parser.parse(chart.mermaid(shown))
    rows = chart.rows(shown)
    assert read.error == ""
    assert read.title == chart.label(chart.title(shown))
    assert [(task.section, task.name, task.critical) for task in read.tasks] == [
        (row.section, chart.task(row), row.is_critical) for row in rows
    ]
    for task, row in zip(read.tasks, rows, strict=True):
        assert task.start - chart.MIDNIGHT.timestamp() == round(row.start)
        assert task.end - task.start == round(row.seconds)
    assert len(rows) <= chart.ROWS


@pytest.mark.parametrize("kind", get_args(Kind))
def test_mermaid_understands_the_charts_of_the_stack(parser: Parser, kind: Kind) -> None:
    created = recorder.run_stack(preview=True).waits
    assert_understood(parser, timeline.published(kind, "staging", created))


@settings(max_examples=40)
@given(data=st.data(), names=st.lists(NAMES, min_size=1, max_size=40), stack=NAMES)
def test_a_name_is_a_name_whatever_is_in_it(parser: Parser, data: st.DataObject, names: list[str], stack: str) -> None:
    seconds = st.floats(0, 3000)
    changes = [
        Change(urn=f"urn:pulumi:s::p::aws:a/b:{name}::{name}", op="create", start=start, end=start + took)
        for name in names
        for start, took in [(data.draw(seconds), data.draw(seconds))]
    ]
    stages = [Stage(name=name, start=data.draw(seconds), seconds=data.draw(seconds)) for name in names[:9]]
    assert_understood(parser, timeline.of_run("rebuild", stack, Run(changes=changes, stages=stages), {}, "a run"))


def test_mermaid_would_refuse_or_misread_the_names_as_they_are(parser: Parser) -> None:
    """So that a parser that takes everything is seen."""
    for name in ("a\nb", "a: b", "title a", "%% a"):
        read = parser.parse(f"gantt\n    dateFormat YYYY-MM-DD\n    {name} :2000-01-01, 1d")
        assert read.error or [task.name for task in read.tasks] != [name], name
