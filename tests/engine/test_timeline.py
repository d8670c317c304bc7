"""The real engine's events of a day: what waits for what, and the waves of a destroy, are as the model has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from delivery.timeline import runs, schedule, timeline
from delivery.timeline.fleet_timeline import app
from tests.support import recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.rehearsals import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]


def in_order(log: Path, kind: runs.Kind) -> Iterator[tuple[str, bool]]:
    """Each begin (False) and end (True) of a resource in the order of the log, finer than its whole seconds."""
    for line in log.read_text().splitlines():
        event = json.loads(line)
        for key, is_end in (("resourcePreEvent", False), ("resOutputsEvent", True)):
            urn = event.get(key, {}).get("metadata", {}).get("urn", "")
            if "$aws:" in urn:
                change = runs.Change(urn=urn, op=timeline.USUAL[kind], start=0)
                yield timeline.name_of(change, kind), is_end


def test_the_engine_s_own_events_of_a_day_are_in_the_order_of_the_model(sandbox: Sandbox, tmp_path: Path) -> None:
    created = recorder.run_stack(preview=True).waits
    sandbox.prepare()
    day, evening = tmp_path / "day", tmp_path / "evening"
    day.mkdir()
    up = ("pulumi", "-C", str(sandbox.folder.project), "up", "--yes", "--non-interactive", "--stack", sandbox.stack)
    sandbox.succeed("exec", "--", "env", "PULUMI_DEBUG_COMMANDS=true", *up, "--event-log", str(day / "up.jsonl"))
    over: set[str] = set()
    for name, is_end in in_order(day / "up.jsonl", "rebuild"):
        assert is_end or created[name] <= over, name
        over |= {name} if is_end else set()
    assert over == created.keys()

    ended = sandbox.run("teardown", "--", "run", "--yes", "--reads=2", "--pause=0", "--timings", str(evening))
    assert ended.code == 0, ended.text
    deleted = schedule.reversed_waits(created)
    waves = {span.name: span.start for span in schedule.in_waves(deleted, dict.fromkeys(deleted, 1.0))}
    gone: set[str] = set()
    for name, is_end in in_order(evening / "teardown-1.jsonl", "night"):
        assert is_end or {other for other in waves if waves[other] < waves[name]} <= gone, name
        gone |= {name} if is_end else set()
    assert gone == created.keys()

    shown = CliRunner().invoke(app, ["night", "--run", str(evening), "--json"])
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert {span["name"] for span in found["resources"]} == created.keys()
    assert [step["name"] for step in found["steps"]] == ["capture", "drain", "sweep", "sweep again", "verify"]
    assert found["notes"] == []
