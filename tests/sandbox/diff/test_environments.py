"""BASE's packages: HEAD's where both are the same, else its own, and a loud word where they are not to be had."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from sandbox.diff import environments
from sandbox.diff.environments import Environment

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = """pulumi==3.272.0 \\
    --hash=sha256:00 \\
    --hash=sha256:01
    # via infra-fleet
pulumi-aws==7.51.1 ; python_version < "4" \\
    --hash=sha256:02
"""
HEAD = Environment(Path("/head"))


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str, str], Path]:
    def make(name: str, lock: str) -> Path:
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text(lock)
        return tmp_path / name

    return make


def test_pins_are_read_without_hashes_and_markers(checkout: Callable[[str, str], Path]) -> None:
    assert environments.pins(checkout("a", LOCK)) == {"pulumi": "3.272.0", "pulumi-aws": "7.51.1"}


@pytest.mark.parametrize("lock", [LOCK, f"# another remark\n{LOCK}", ""])
def test_the_same_packages_need_no_environment_of_their_own(checkout: Callable[[str, str], Path], lock: str) -> None:
    said: list[str] = []
    assert environments.of_base(checkout("base", lock), checkout("head", LOCK), HEAD, said.append) == HEAD
    assert said == []


def test_other_packages_are_installed_once_into_the_cache(
    checkout: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, ...]] = []

    def note(*command: str) -> None:
        ran.append(command)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(environments, "run", note)
    base, head = checkout("base", LOCK.replace("7.51.1", "7.40.0")), checkout("head", LOCK)

    found = environments.of_base(base, head, HEAD, lambda _line: None)
    again = environments.of_base(base, head, HEAD, lambda _line: None)

    assert found == again
    assert (found.provider, found.missing) == ("7.40.0", "")
    assert found.python.parent == tmp_path / "cache" / "infra-fleet" / "environments"
    assert [command[1:3] for command in ran] == [("-m", "venv"), ("-m", "pip")]
    assert ran[1][-2:] == ("-r", str(base / "requirements.txt"))


def test_packages_that_are_not_to_be_had_are_said_loudly_and_head_s_are_taken(
    checkout: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_command: str) -> None:
        raise FleetError("-m pip install failed: no network")

    said: list[str] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(environments, "run", refuse)
    base, head = checkout("base", LOCK.replace("3.272.0", "3.1.0") + "typer==1\n"), checkout("head", LOCK)

    found = environments.of_base(base, head, HEAD, said.append)

    assert (found.python, found.provider) == (HEAD.python, None)
    assert found.missing == "pulumi 3.1.0 instead of 3.272.0, typer 1 instead of none"
    assert said[-1].startswith("warning: BASE has other packages than HEAD, and they could not be installed")
    assert not list((tmp_path / "cache" / "infra-fleet" / "environments").glob("[0-9a-f]*[0-9a-f]"))


def test_a_command_that_fails_is_its_last_line() -> None:
    with pytest.raises(FleetError, match=r"-c import sys; .* failed: no network"):
        environments.run(sys.executable, "-c", "import sys; sys.exit('a\\nno network')")


def test_a_checkout_without_an_environment_has_that_of_this_program(tmp_path: Path) -> None:
    assert environments.own(tmp_path).python == Path(sys.prefix)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    assert environments.own(tmp_path).python == tmp_path / ".venv"
