"""The schemas' cache: complete or absent, and then of no need of anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from checks.schemas import cache_folder, core, ensure
from common.errors import FleetError
from infra.contract import versions
from tests.support.checkout import REPOSITORY
from tools import build
from tools.catalogue import CONTROLLER_GEN

if TYPE_CHECKING:
    from pathlib import Path

MINOR = versions.KUBERNETES_DEFAULT

KILLED = """
import os, signal, sys
from checks.schemas import ensure
left = int(sys.argv[1])

def hook(event, arguments):
    # Every schema is opened for writing once, kinds.json last.
    global left
    if event == "open" and str(arguments[0]).endswith(".json") and "w" in (arguments[1] or ""):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
ensure(sys.argv[2], print)
"""


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without schemas, in which the tools are those of the machine."""
    build.ensure(CONTROLLER_GEN, print)
    cache = tmp_path / "cache" / "infra-fleet"
    cache.mkdir(parents=True)
    (cache / "tools").symlink_to(build.cache())
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    return cache / "schemas"


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"build.lock"}


def test_what_a_killed_process_left_does_not_count_and_is_removed(own_cache: Path):
    kinds = len(ensure(MINOR, print).kinds)
    cache_folder(MINOR).rename(own_cache / "moved")
    for file in (30, kinds + 1):
        command = [sys.executable, "-c", KILLED, str(file), MINOR]
        done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, check=False)
        left = entries(own_cache) - {"moved"}

        assert done.returncode == -signal.SIGKILL
        assert len(left) == 1
        assert not cache_folder(MINOR).exists()

    assert len(ensure(MINOR, print).kinds) == kinds
    assert entries(own_cache) == {"moved", cache_folder(MINOR).name}


def test_schemas_that_are_there_need_no_go_and_are_said_nothing_of(own_cache: Path, monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    made = ensure(MINOR, said.append)
    monkeypatch.setenv("PATH", "")

    assert ensure(MINOR, said.append) == made
    assert said == [f"making the schemas of Kubernetes {MINOR} and the custom resources, once"]


def test_a_version_without_schemas_is_refused_and_leaves_nothing(own_cache: Path):
    with pytest.raises(FleetError, match=r"^kubernetes-validate [\d.]+ knows no Kubernetes 1\.99: install one"):
        ensure("1.99", print)

    assert entries(own_cache) == set()


def test_a_missing_package_is_named(own_cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(core, "PACKAGE", "no-such-package")

    with pytest.raises(FleetError, match=r"^no-such-package is not installed: install requirements/checks\.txt$"):
        ensure(MINOR, print)
