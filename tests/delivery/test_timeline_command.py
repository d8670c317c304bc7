"""`fleet timeline` as it is typed: the default stack from its graph, a run, two runs, and a job that it never fails."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from delivery.timeline import chart, durations, runs, timeline
from delivery.timeline.fleet_timeline import app
from delivery.timeline.runs import Change, Run, Stage
from tests.common.test_summary import read
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

URN = "urn:pulumi:staging::infra-fleet::infra-fleet:index:Network$aws:{}::{}"


def typed(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    assert done.exit_code == code, done.output
    return done


def document(*arguments: object) -> dict[str, Any]:
    return json.loads(typed(*arguments, "--json").stdout)


def kept(path: Path, kind: str = "create", *, cluster: float = 700, stages: tuple[Stage, ...] = ()) -> Path:
    changes = [
        Change(urn=URN.format("ec2/vpc:Vpc", "vpc"), op=kind, start=1000, end=1020),
        Change(urn=URN.format("eks/cluster:Cluster", "cluster"), op=kind, start=1030, end=1030 + cluster),
    ]
    runs.keep(Run(changes=changes, stages=list(stages)), path)
    return path


def test_the_rebuild_of_the_default_stack_is_as_short_as_its_graph_allows() -> None:
    found = document("rebuild")
    assert found["smallest"] == found["seconds"] > durations.CREATE["Cluster"] + durations.CREATE["NodeGroup"]
    assert found["critical"] == found["chain"]
    assert found["waits"] == []
    assert found["savings"][0]["name"] == "Cluster cluster"


def test_its_night_waits_for_the_nat_gateway_because_pulumi_destroys_in_waves() -> None:
    found = document("night")
    (wait,) = found["waits"]
    assert (wait["name"], wait["during"]) == ("Cluster cluster", "NatGateway nat-eu-west-2a")
    assert wait["seconds"] == found["seconds"] - found["smallest"] == durations.DELETE["NatGateway"] - 1
    assert {"seconds": wait["seconds"], "name": "", "without": ""} in found["savings"]


def test_it_needs_no_engine_no_network_and_no_credentials(tmp_path: Path) -> None:
    """From a clean clone: nothing on PATH, nothing in the environment."""
    command = ["unshare", "--net", "--map-root-user", sys.executable, "-m", "fleet", "timeline", "night"]
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    unshare = subprocess.check_output(["sh", "-c", "command -v unshare"], text=True).strip()
    done = subprocess.run(
        [unshare, *command[1:]], cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "of which the smallest possible chain is" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["rebuild", "night"])
def test_no_chart_has_more_than_25_rows(kind: str, tmp_path: Path) -> None:
    op = {"rebuild": "create", "night": "delete"}[kind]
    changes = [
        Change(urn=URN.format("a/b:Thing", f"t{number}"), op=op, start=number * 10, end=number * 10 + 9)
        for number in range(200)
    ]
    stages = [Stage(name=f"step {number}", start=3000 + number, seconds=1) for number in range(20)]
    runs.keep(Run(changes=changes, stages=stages), tmp_path / "run.json")
    text = typed(kind, "--run", tmp_path / "run.json", "--markdown").stdout
    bars = re.findall(r"^    \d+ .* :.*$", text, re.MULTILINE)
    assert 5 < len(bars) <= chart.ROWS
    assert any(" more, 15 s in sum :" in bar for bar in bars)


def test_a_chart_whose_sections_are_all_full_has_25_rows() -> None:
    path = [f"a{number}" for number in range(12)]
    created = {f"Thing {name}": frozenset({f"Thing {before}"}) for before, name in pairwise(path)}
    changes = [
        *(
            Change(urn=URN.format("a/b:Thing", name), op="create", start=n * 20, end=n * 20 + 9)
            for n, name in enumerate(path)
        ),
        *(Change(urn=URN.format("a/b:Thing", f"b{n}"), op="create", start=5, end=14) for n in range(12)),
    ]
    stages = [Stage(name=f"step {number}", start=300 + number, seconds=1) for number in range(20)]
    shown = timeline.of_run("rebuild", "staging", Run(changes=changes, stages=stages), created, "a run")
    assert len(chart.rows(shown)) == chart.ROWS


def test_a_run_is_compared_with_the_last_one_and_kept(tmp_path: Path) -> None:
    first, second = kept(tmp_path / "1.json"), kept(tmp_path / "2.json", cluster=765)
    keep = tmp_path / "3.json"
    done = typed("rebuild", "--run", second, "--compare", first, "--keep", keep)
    assert "It took 1 min 5 s longer than the run of 1970-01-01 00:16 UTC, which took 12 min 10 s" in done.stdout
    assert "Cluster cluster: 700 s → 765 s (+65 s)" in done.stdout
    assert runs.read(keep) == runs.read(second)
    assert document("rebuild", "--run", second, "--compare", first)["changes"] == [
        {"name": "Cluster cluster", "before": 700, "now": 765}
    ]
    gone = typed("rebuild", "--run", second, "--compare", tmp_path / "none.json")
    assert "nothing to compare with" in gone.stderr


def test_the_time_above_the_smallest_chain_is_accounted_for(tmp_path: Path) -> None:
    stages = (Stage(name="flux", start=1745, seconds=60), Stage(name="verify", start=1805, seconds=240))
    found = document("rebuild", "--run", kept(tmp_path / "run.json", stages=stages))
    assert found["seconds"] == 1045
    assert found["smallest"] == 20 + 700 + 60 + 240
    assert found["seconds"] - found["smallest"] == sum(wait["seconds"] for wait in found["waits"]) + found["between"]


def test_a_run_of_the_other_kind_is_refused_with_the_command_that_takes_it(tmp_path: Path) -> None:
    path = kept(tmp_path / "run.json", "delete")
    from_fleet = [sys.executable, "-m", "fleet", "timeline", "rebuild", "--run", str(path)]
    done = subprocess.run(from_fleet, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"timeline: {path} is of a night: fleet timeline night --run {path}\n"


def test_a_job_s_summary_has_the_chart_and_the_next_step_hears_that_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "out"))
    last = kept(tmp_path / "last.json")
    now = kept(tmp_path / "now.json", cluster=600)
    typed("rebuild", "--run", now, "--compare", last, "--keep", last, "--summary")
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("## Where the minutes went\n\n```mermaid\ngantt\n")
    assert "It took 1 min 40 s shorter than" in summary
    assert read((tmp_path / "out").read_text()) == {"kept": "true"}
    assert runs.read(last) == runs.read(now)


@pytest.mark.parametrize("content", [None, "", "{oops", '{"changes": []}'])
def test_a_chart_that_cannot_be_drawn_fails_no_job_and_says_so(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "out"))
    last, run = kept(tmp_path / "last.json"), tmp_path / "up.jsonl"
    if content is not None:
        run.write_text(content)
    before = last.read_text()
    done = typed("rebuild", "--run", run, "--compare", last, "--keep", last, "--summary")
    assert "no timeline of this rebuild" in done.stderr
    assert "no timeline of this rebuild" in (tmp_path / "summary.md").read_text()
    assert last.read_text() == before, "the last run is still what the next one is compared with"
    assert not (tmp_path / "out").exists()


def test_a_program_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: infra-fleet\n")
    (tmp_path / "Pulumi.staging.yaml").write_text((REPOSITORY / "Pulumi.staging.yaml").read_text())
    done = CliRunner().invoke(app, ["rebuild", "-C", str(tmp_path)])
    assert "__main__.py is missing" in str(done.exception)
    (tmp_path / "__main__.py").write_text("raise ValueError('a mistake')\n")
    done = CliRunner().invoke(app, ["rebuild", "-C", str(tmp_path)])
    assert "does not run with Pulumi.staging.yaml: a mistake" in str(done.exception)
