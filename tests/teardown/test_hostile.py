"""An account whose names, tags and descriptions are hostile: nothing that a command prints obeys it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from common import summary
from common.pulumi.exported_state import StackState
from common.target import Proven
from common.world import SANDBOX_VARIABLE
from teardown import capture, destroy, report
from teardown.fleet_teardown import app
from tests.common.hostile import HOSTILE, obeyed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from common.aws import Aws
    from teardown.destroy import Obstacle
    from teardown.target import Target
    from teardown.time_budget import Budget
    from tests.teardown.conftest import Town

UNTOLD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""What the XML of EC2's answers cannot carry; pulumi says it here instead."""


@pytest.fixture
def hostile(town: Town) -> Town:
    """What is the cluster's and what is nobody's, each with a text of the hostile ones."""
    owned = {"elbv2.k8s.aws/cluster": town.place.cluster}
    disk = {"ebs.csi.aws.com/cluster-name": town.place.cluster}
    for number, text in enumerate(HOSTILE):
        said = UNTOLD.sub("", text)[:240]
        town.maker.volume(town.place, {**disk, "kubernetes.io/created-for/pvc/name": said})
        group = town.maker.group(town.place, f"group-{number}", {**owned, "ingress.k8s.aws/stack": said})
        town.maker.interface(town.place, said, {"Name": said, "owner": said}, [group] if number % 2 else [])
    return town


@pytest.fixture
def command(hostile: Town, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The commands on that account, with a pulumi that repeats the texts and fails."""
    assert aws

    def fails(_proven: Proven, _folder: Path, _stack: str, _budget: Budget, tell: Callable[[str], None]) -> None:
        for text in HOSTILE:
            tell(text)
        raise destroy.RefusedError("\n".join(HOSTILE), blocked=False)

    def state(*_: object) -> StackState:
        return StackState(frozenset({"vpc\n::error::x"}), hostile.target.vpc_id)

    def nothing(*_: object) -> list[Obstacle]:
        return []

    def gone(*_: object) -> tuple[None, str]:
        return None, "the cluster is\n::error::gone"

    def target(*_: object) -> Target:
        return hostile.target

    monkeypatch.setattr(capture, "of_stack", target)
    monkeypatch.setattr(capture, "state_of", state)
    monkeypatch.setattr(capture, "zones_of", nothing)
    monkeypatch.setattr(destroy, "obstacles", nothing)
    monkeypatch.setattr(destroy, "destroy", fails)
    monkeypatch.setattr(Proven, "cluster", gone)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.setenv(SANDBOX_VARIABLE, "1")
    return CliRunner()


def rows(markdown: str) -> list[list[str]]:
    """The cells of all tables, as GitHub splits them."""
    lines = [line for line in markdown.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--reads=1"],
        ["sweep"],
        ["sweep", "--yes", "--deadline=0"],
        ["run"],
        ["run", "--yes", "--deadline=0", "--reads=1"],
    ],
)
def test_no_command_prints_a_line_a_heading_or_a_row_of_somebody_else(
    command: CliRunner, hostile: Town, tmp_path: Path, arguments: list[str]
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    done = command.invoke(app, [*arguments, "--json", "--cwd", str(folder)])
    assert done.exit_code in (0, 1, 2), done.output
    assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)

    assert obeyed(done.stdout + done.stderr) == []
    *said, _verdict = done.stderr.splitlines()
    assert not any(line.startswith(("✓", "#", "nothing of staging")) for line in said)
    told = json.loads(done.stdout)
    texts = [row["name"] for table in ("left", "swept", "stays", "blocking") for row in told[table]]
    texts += [row["by"] for step in told["plan"] for row in step]
    assert any(
        "nothing of staging is left" in text for text in texts + [row["by"] for row in told["left"] + told["swept"]]
    )

    written = (tmp_path / "summary").read_text()
    assert obeyed(written) == []
    headings = [line for line in written.splitlines() if line.startswith("#")]
    assert all(re.match(r"### [a-z]|## [✓✗] <code>", line) for line in headings), headings
    assert {len(row) for row in rows(written)} <= {
        len(("step", "outcome", "seconds")),
        len(report.HEAD),
        1 + len(report.HEAD),
    }
    assert len(rows(written)) <= 20 * (summary.ROWS + 2)
    outside = "\n".join(line for line in written.splitlines() if not line.startswith("    "))  # a block of code
    assert not re.search(r"<(?!/?code>)|\]\(|@|https?://|\*\*|```", outside)

    outputs = (tmp_path / "outputs").read_text() if (tmp_path / "outputs").exists() else ""
    names = re.findall(r"^(\w+)<<(end-\w+)$", outputs, re.MULTILINE)
    assert {name for name, _ in names} <= {"kept", "report"}
    assert obeyed(outputs) == []
    assert hostile.place.cluster in done.stderr
