"""A run as pulumi logs it, also one that was killed, and what is kept of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common import timing
from common.console import StepResult
from common.errors import CannotRunError
from delivery.timeline import runs, timeline

if TYPE_CHECKING:
    from pathlib import Path

URN = "urn:pulumi:staging::infra-fleet::infra-fleet:index:{parent}$aws:{kind}::{name}"
VPC = URN.format(parent="Network", kind="ec2/vpc:Vpc", name="vpc")
CLUSTER = URN.format(parent="Cluster", kind="eks/cluster:Cluster", name="cluster")
COMPONENT = "urn:pulumi:staging::infra-fleet::infra-fleet:index:Cluster::cluster"
PROVIDER = "urn:pulumi:staging::infra-fleet::pulumi:providers:aws::aws"
BEGAN, ENDED, FAILED = "resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"


def event(kind: str, at: int, urn: str, op: str = "create", *, custom: bool = True) -> str:
    """A line as pulumi 3.274.1 writes it."""
    state = {"urn": urn, "type": "a", "custom": custom, "inputs": {"password": "SECRET"}, "parent": ""}
    old, new = (state, None) if op.startswith("delete") else (None, state)
    metadata = {"op": op, "urn": urn, "type": "a", "old": old, "new": new, "detailedDiff": None, "logical": True}
    return json.dumps({"sequence": at, "timestamp": 1_796_104_000 + at, kind: {"metadata": metadata}})


def log(folder: Path, *lines: str, name: str = "up.jsonl", end: str = "\n") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + end)
    return path


WHOLE = (
    json.dumps({"sequence": 0, "timestamp": 1_796_104_000, "preludeEvent": {"config": {"a": "b"}}}),
    event(BEGAN, 0, VPC),
    event(BEGAN, 0, PROVIDER),
    event(BEGAN, 0, COMPONENT, custom=False),
    event(ENDED, 24, VPC),
    event(BEGAN, 25, CLUSTER),
    json.dumps({"sequence": 9, "timestamp": 1_796_104_026, "someEventOfTomorrow": {"metadata": {"op": 1}}}),
    event(ENDED, 725, CLUSTER),
    event(ENDED, 726, VPC, "same"),
    json.dumps({"sequence": 99, "timestamp": 1_796_104_727, "summaryEvent": {"durationSeconds": 727}}),
)


def test_a_log_is_the_changes_of_aws_resources_and_nothing_else(tmp_path: Path) -> None:
    run = runs.read(log(tmp_path, *WHOLE))
    assert [(change.urn, change.op, (change.end or 0) - change.start) for change in run.changes] == [
        (VPC, "create", 24),
        (CLUSTER, "create", 700),
    ]
    assert (run.kind, run.truncated) == ("rebuild", [])


def test_of_a_killed_run_the_cut_line_is_told_and_the_rest_used(tmp_path: Path) -> None:
    cut = event(ENDED, 725, CLUSTER)[:-40]
    run = runs.read(log(tmp_path, *WHOLE[:6], cut, end=""))
    assert [change.end is None for change in run.changes] == [False, True]
    shown = timeline.of_run("rebuild", "staging", run, {"Cluster cluster": frozenset({"Vpc vpc"})}, "a run")
    assert [(span.name, span.note) for span in shown.spans] == [("Vpc vpc", ""), ("Cluster cluster", "unfinished")]
    assert any("last line of up.jsonl was cut off" in note for note in shown.notes)


def test_a_line_in_the_middle_that_is_no_event_is_named(tmp_path: Path) -> None:
    path = log(tmp_path, WHOLE[0], "{oops", *WHOLE[1:])
    with pytest.raises(CannotRunError, match=r"up\.jsonl:2 is not an event of pulumi"):
        runs.read(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "not JSON", '{"sequence": 1}'])
def test_what_is_no_log_is_refused_or_empty(tmp_path: Path, content: str) -> None:
    path = tmp_path / "up.jsonl"
    path.write_text(content)
    if content:
        with pytest.raises(CannotRunError, match="is not an event of pulumi"):
            runs.read(path)
    else:
        assert runs.read(path).kind is None


def test_failures_replacements_and_second_tries_keep_their_own_rows(tmp_path: Path) -> None:
    run = runs.read(
        log(
            tmp_path,
            event(BEGAN, 0, VPC, "delete"),
            event(FAILED, 5, VPC, "delete"),
            event(BEGAN, 9, VPC, "delete"),
            event(ENDED, 10, VPC, "delete"),
        )
    )
    assert run.kind == "night"
    shown = timeline.of_run("night", "staging", run, {"Vpc vpc": frozenset()}, "a run")
    assert [(span.name, span.seconds, span.note) for span in shown.spans] == [
        ("Vpc vpc", 5, "failed"),
        ("Vpc vpc (2)", 1, ""),
    ]
    replaced = [event(BEGAN, 0, VPC, "create-replacement"), event(ENDED, 7, VPC, "create-replacement")]
    shown = timeline.of_run("rebuild", "staging", runs.read(log(tmp_path, *replaced)), {}, "a run")
    assert [span.name for span in shown.spans] == ["Vpc vpc (create-replacement)"]


def test_a_folder_is_logs_in_order_and_the_steps_around_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timing.prepare(tmp_path, "teardown")
    for at in (100, 300):
        flag, path = timing.event_log(tmp_path, "teardown")
        assert flag == "--event-log"
        log(tmp_path, event(BEGAN, at, VPC, "delete"), event(ENDED, at + 50, VPC, "delete"), name=path)
    monkeypatch.setattr("time.time", lambda: 1_796_104_400)
    took = {"capture": 20, "drain": 80, "destroy": 50, "destroy 2": 200, "verify": 50}
    steps = [StepResult(name, name, seconds) for name, seconds in took.items()]
    timing.write_steps(tmp_path, "teardown", steps, pytest.fail)
    shown = timeline.of_run("night", "staging", runs.read(tmp_path), {"Vpc vpc": frozenset()}, "a run")
    assert [(span.name, span.start, span.end) for span in shown.spans] == [
        ("Vpc vpc", 100, 150),
        ("Vpc vpc (2)", 300, 350),
    ]
    assert [(stage.name, stage.start, stage.seconds) for stage in shown.stages] == [
        ("capture", 0, 20),
        ("drain", 20, 80),
        ("verify", 350, 50),
    ]
    assert shown.total == 400
    assert shown.between == 0
    assert "not included" not in "".join(shown.notes)

    timing.prepare(tmp_path, "teardown")
    with pytest.raises(CannotRunError, match="has no event log: run pulumi with --event-log"):
        runs.read(tmp_path)


def test_what_is_kept_is_read_again_and_has_no_property_of_a_resource(tmp_path: Path) -> None:
    run = runs.read(log(tmp_path, *WHOLE))
    kept = tmp_path / "kept" / "rebuild.json"
    runs.keep(run, kept)
    assert runs.read(kept) == run
    assert "SECRET" not in kept.read_text()
    assert [path.name for path in kept.parent.iterdir()] == ["rebuild.json"]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match=r"none\.jsonl cannot be read"):
        runs.read(tmp_path / "none.jsonl")
    with pytest.raises(CannotRunError, match="cannot be written"):
        timing.prepare(log(tmp_path, "") / "below", "teardown")
