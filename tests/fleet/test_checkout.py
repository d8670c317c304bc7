"""A command works on the checkout that a person is in or names, whoever's environment it runs in."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from common.errors import CannotRunError
from fleet import checkout
from fleet.groups import GROUPS
from sandbox.engine.pulumi import ENGINE_VARIABLE
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info")
ANSWERS = (
    "--account-id=123456789012",
    "--region=eu-west-2",
    "--github-repository=your-org/infra-fleet",
    "--cluster-admin=admin",
    "--alarm-email=ops@acme.io",
)
SCRIPT, MODULE = (".venv/bin/fleet",), (".venv/bin/python", "-m", "fleet")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Another checkout, whose environment is a link to this one's."""
    folder = tmp_path_factory.mktemp("second") / "clone"
    shutil.copytree(REPOSITORY, folder, ignore=LEFT_OUT)
    (folder / ".venv").symlink_to((REPOSITORY / ".venv").resolve())
    yield folder
    run(MODULE, "sandbox", "reset", cwd=folder)


def run(start: tuple[str, ...], *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str((cwd if (cwd / ".venv").exists() else cwd.parent) / start[0]), *start[1:], *arguments]
    environment = {**os.environ, ENGINE_VARIABLE: "built"}
    return subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.mark.parametrize("start", [SCRIPT, MODULE], ids=["script", "module"])
def test_files_are_those_of_the_checkout_around_the_folder(second: Path, start: tuple[str, ...]) -> None:
    ours = (REPOSITORY / "Pulumi.staging.yaml").read_text()
    cidr = "--vpc-cidr=10.77.0.0/16" if start == SCRIPT else "--vpc-cidr=10.78.0.0/16"
    for folder in (second, second / "infra"):
        done = run(start, "configure", *ANSWERS, cidr, "--yes", cwd=folder)
        assert done.returncode == 0, done.stderr
    assert cidr.partition("=")[2] in (second / "Pulumi.staging.yaml").read_text()
    assert (REPOSITORY / "Pulumi.staging.yaml").read_text() == ours


def test_code_of_another_checkout_is_said(second: Path) -> None:
    said = f"working on {second} with the code of "
    assert said in run(SCRIPT, "sandbox", "reset", cwd=second).stderr
    assert said not in run(MODULE, "sandbox", "reset", cwd=second).stderr


def test_every_group_loads_in_a_fresh_clone(second: Path) -> None:
    load = "from fleet.groups import GROUPS; print(*(group.name for group in GROUPS if group.load()))"
    done = run(MODULE[:1], "-c", load, cwd=second)
    assert (done.returncode, done.stdout.split()) == (0, [group.name for group in GROUPS]), done.stderr


@pytest.mark.engine
def test_the_program_that_is_rehearsed_is_the_checkouts(second: Path) -> None:
    program = second / "__main__.py"
    program.write_text(program.read_text().replace('"vpc_id": network.vpc_id,', '"vpc_of_the_second": network.vpc_id,'))
    done = run(SCRIPT, "sandbox", "preview", cwd=second)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vpc_of_the_second" in done.stdout
    assert (second / ".sandbox").is_dir()


def test_a_named_folder_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY / "infra" / "contract")
    assert checkout.find(None) == REPOSITORY
    assert checkout.find(tmp_path) == tmp_path.resolve()


def test_outside_of_any_checkout_it_is_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checkout.find(None) == tmp_path


def test_what_is_named_and_not_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match=r"-C .*nowhere is not a folder"):
        checkout.find(tmp_path / "nowhere")
