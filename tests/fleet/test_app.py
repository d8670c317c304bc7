"""`fleet`: its groups are loaded when they are called, and what stops a command is one line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from common.errors import FleetError
from fleet import app as apps
from fleet.groups import GROUPS, Group
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

LOADED = "import json, sys; from typer.testing import CliRunner; from fleet.app import app;"


def loaded(*arguments: str) -> set[str]:
    """Our own packages that a process has loaded after `fleet ARGUMENTS`."""
    code = f"{LOADED} CliRunner().invoke(app, {list(arguments)!r}); print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_help_loads_no_group_and_no_library_of_one() -> None:
    seen = loaded("--help")
    assert seen.isdisjoint({group.module.partition(".")[0] for group in GROUPS})
    assert seen.isdisjoint({"boto3", "pulumi", "pydantic", "lightkube", "github", "moto"})


def test_a_group_loads_no_other() -> None:
    assert loaded("check", "--help").isdisjoint({"bootstrap", "delivery", "permanent", "sandbox", "teardown"})


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_group_is_there_and_has_a_help(group: Group) -> None:
    done = CliRunner().invoke(apps.app, [group.name, "--help"])
    assert done.exit_code == 0, done.output
    assert group.help in CliRunner().invoke(apps.app, ["--help"]).output


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """`fleet scope` raises what the test puts into the list."""
    raised: list[BaseException] = []
    made = typer.Typer()

    @made.command("scope")
    def scope() -> None:
        raise raised[0]

    @made.command("other")
    def other() -> None: ...

    module = type(sys)("stopping")
    module.app = made  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "delivery.fleet_delivery", module)
    return raised


def test_what_a_person_can_act_on_is_one_line_and_no_traceback(stopping: list[BaseException]) -> None:
    stopping.append(FleetError("the file is missing: make it"))
    done = CliRunner().invoke(apps.app, ["scope"])
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "scope: the file is missing: make it\n")


def test_a_mistake_of_ours_is_no_message_to_a_person(stopping: list[BaseException]) -> None:
    stopping.append(ZeroDivisionError())
    assert isinstance(CliRunner().invoke(apps.app, ["scope"]).exception, ZeroDivisionError)


def test_ctrl_c_ends_with_the_shells_exit_code(stopping: list[BaseException]) -> None:
    stopping.append(KeyboardInterrupt())
    assert CliRunner().invoke(apps.app, ["scope"]).exit_code == 130


@pytest.mark.parametrize("module", ["fleet", "bootstrap"])
def test_it_is_a_module_too(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: fleet" in done.stdout


@pytest.mark.parametrize(("typed", "meant"), [("chekc", "check"), ("teardwn", "teardown")])
def test_a_misspelt_group_is_answered_with_the_nearest_of_those_that_are_not_loaded(typed: str, meant: str) -> None:
    done = CliRunner().invoke(apps.app, [typed])
    assert done.exit_code == 2
    assert f"Did you mean {meant!r}?" in done.stderr


def test_a_proposal_is_typed_as_this_shell_finds_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, typed in ((REPOSITORY, ".venv/bin/fleet"), (tmp_path, str(REPOSITORY / ".venv/bin/fleet"))):
        monkeypatch.chdir(folder)
        done = subprocess.run(
            [REPOSITORY / ".venv/bin/python", "-m", "fleet", "nosuch"],
            env={"PATH": "/usr/bin", "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr.splitlines()[-1] == f"→ {typed} --help"
