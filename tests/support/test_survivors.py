from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.cluster.processes import MARK
from sandbox.folder import FOLDER_VARIABLE
from tests.support import survivors

if TYPE_CHECKING:
    from pathlib import Path

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.mark.parametrize("variable", [None, FOLDER_VARIABLE, MARK], ids=["command line", "sandbox", "cluster"])
def test_what_outlives_a_test_run_is_named_and_ended(tmp_path: Path, variable: str | None) -> None:
    folder = tmp_path / "sandbox"
    marked = {variable: str(folder)} if variable else {}
    command = [*SLEEP, *([] if marked else [f"--folder={folder}"])]
    with subprocess.Popen(command, env={**os.environ, **marked}) as process:
        assert survivors.of(tmp_path, patience=0.5) == [" ".join(command)]
        assert not psutil.pid_exists(process.pid)
    assert survivors.of(tmp_path) == []


def test_what_belongs_to_others_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([*SLEEP, f"--folder={tmp_path}-of-another/sandbox"]) as process:
        assert survivors.of(tmp_path) == []
        assert process.poll() is None
        process.kill()
