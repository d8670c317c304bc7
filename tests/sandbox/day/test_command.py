"""`fleet sandbox rehearse` refuses what it cannot run before it starts anything, and ends nothing that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from fleet import app as apps
from sandbox.day import marks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nihgt"], "sandbox: unknown step nihgt, did you mean night? The steps are preview, up, "),
        (["--from", "release", "--no-cluster"], "sandbox: the step release needs a cluster: leave out --no-cluster"),
        (["--only", "up", "--from", "up"], "sandbox: --only and --from exclude each other: "),
        (["--picture", "no/such/folder/x.svg"], "sandbox: --picture no/such/folder/x.svg: there is no folder "),
    ],
)
def test_a_wrong_choice_is_one_line_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.delenv(marks.VARIABLE, raising=False)
    done = CliRunner().invoke(apps.app, ["sandbox", "rehearse", f"--folder={tmp_path}", *arguments])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(said)
    assert marks.found(tmp_path) == []


def test_there_may_be_nothing_to_forget(tmp_path: Path) -> None:
    done = CliRunner().invoke(apps.app, ["sandbox", "rehearse", f"--folder={tmp_path}", "--forget"])
    assert (done.exit_code, done.stderr) == (0, "rehearse: nothing was kept\n")
