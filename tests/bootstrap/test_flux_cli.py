"""How flux is run: again after a race or at a stale condition, within one deadline; and no longer than we live."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from bootstrap import flux_cli, run_folder
from bootstrap.flux_settings import Settings
from common.errors import FleetError
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STALE = "bootstrap failed with 1 health check failure(s): [authentication required]"
RACE = "failed to push manifests: non-fast-forward update"


class Flux(flux_cli.Invocation):
    """One whose attempts end as they are told."""

    def __init__(self, path: Path, *complaints: str) -> None:
        cli = flux_cli.Cli("flux", "2.9.5")
        super().__init__(cli, Settings(repository="your-org/infra-fleet"), "token", path, path)
        object.__setattr__(self, "complaints", list(complaints))
        object.__setattr__(self, "seconds", [])

    def run(self, say: Callable[[str], None], seconds: float) -> tuple[int, str]:
        left: list[str] = vars(self)["complaints"]
        vars(self)["seconds"].append(seconds)
        return (1, left.pop(0)) if left else (0, "")


def test_a_stale_condition_is_looked_at_anew_and_flux_runs_again(tmp_path: Path) -> None:
    flux, said = Flux(tmp_path, STALE), list[str]()
    flux_cli.bootstrap(flux, said.append, lambda seconds: seconds > 0)
    assert said == [f"what flux saw was from before ({STALE}): once more"]
    assert vars(flux)["seconds"] == [300, 300]  # half of the deadline: the second attempt has time too


def test_what_is_wrong_now_is_what_is_said(tmp_path: Path) -> None:
    def still_wrong(_seconds: float) -> bool:
        raise FleetError("the new token is wrong")

    with pytest.raises(FleetError, match="the new token is wrong"):
        flux_cli.bootstrap(Flux(tmp_path, STALE), print, still_wrong)


def test_a_failure_that_stays_ends_it(tmp_path: Path) -> None:
    flux = Flux(tmp_path, STALE, STALE, STALE)
    with pytest.raises(FleetError, match="flux bootstrap failed: bootstrap failed with 1"):
        flux_cli.bootstrap(flux, lambda _line: None, lambda _seconds: True)
    assert len(vars(flux)["seconds"]) == 2


def test_a_lost_race_is_run_again_and_a_refused_push_is_not(tmp_path: Path) -> None:
    flux_cli.bootstrap(Flux(tmp_path, RACE, RACE), lambda _line: None, lambda _seconds: False)
    refused = "failed to push manifests: push declined due to repository rule violations"
    with pytest.raises(FleetError, match="`fleet bootstrap render`"):
        flux_cli.bootstrap(Flux(tmp_path, refused), lambda _line: None, lambda _seconds: True)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("main", "main"),
        ("fix/#1", "fix/#1"),
        ("#1", "'#1'"),
        ("1.0", '"1.0"'),
        ("true", '"true"'),
        ("2026-01-01", '"2026-01-01"'),
        ("@x", "'@x'"),
    ],
)
def test_a_branch_of_any_name_is_written_as_flux_writes_it(name: str, written: str) -> None:
    settings = Settings(repository="your-org/infra-fleet", branch=name)
    assert f"\n    branch: {written}\n" in flux_cli.sync(settings)


RUN = """
import sys
from bootstrap import flux_cli, run_folder
with run_folder.private() as folder:
    (folder / "kubeconfig").write_text("secret")
    flux_cli._run([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(300)"], {}, print)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_a_killed_run_leaves_no_flux_behind_and_its_folder_goes_at_the_next_start(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(
        [sys.executable, "-c", RUN], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    flux = psutil.Process(int(child.stdout.readline()))
    (living,) = tmp_path.glob("*/kubeconfig")
    sweep = [sys.executable, "-c", "from bootstrap import run_folder; run_folder.sweep()"]
    subprocess.run(sweep, cwd=REPOSITORY, env=environment, check=True)
    assert living.exists(), "a run that lives keeps its folder"
    child.send_signal(signal.SIGKILL)
    child.wait()
    psutil.wait_procs([flux], timeout=60)
    assert not flux.is_running() or flux.status() == psutil.STATUS_ZOMBIE
    assert living.exists()
    subprocess.run(sweep, cwd=REPOSITORY, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_run_is_private_and_goes_with_it() -> None:
    with run_folder.private() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
