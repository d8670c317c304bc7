from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from delivery.fleet_delivery import app
from tests.common.test_summary import read
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_scope_tells_the_job_what_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.staging.yaml").touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "out"))

    done = CliRunner().invoke(app, ["scope", "--base", "0" * 40, "-C", str(tmp_path)])

    assert done.exit_code == 0
    touched = ["infra: touched", "permanent: touched", "manifests: touched"]
    assert done.stdout.splitlines()[:4] == [*touched, "stacks: staging"]
    outputs = read((tmp_path / "out").read_text())
    assert json.loads(outputs.pop("stacks")) == ["staging"]
    assert outputs == {"infra": "true", "permanent": "true", "manifests": "true"}


def test_what_stops_a_command_is_one_line_and_no_success() -> None:
    command = [sys.executable, "-m", "fleet", "comment", "nosuch.md"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("comment: nosuch.md cannot be read: ")
    assert done.stdout == ""
