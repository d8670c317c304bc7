"""What is the same in every command of `fleet`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from fleet import app as apps
from fleet import page
from fleet.groups import GROUPS
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command beneath one, with its words."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield words, command
    for word, each in inner.items():
        yield from commands(each, *words, word)


COMMANDS = [
    pytest.param(words, command, id=" ".join(words))
    for group in GROUPS
    for words, command in commands(group.load(), group.name)
]


@pytest.mark.parametrize(("words", "command"), COMMANDS)
def test_a_command_has_a_help_of_its_own_by_both_names(words: tuple[str, ...], command: Any) -> None:
    long, short = (CliRunner().invoke(apps.app, [*words, option]) for option in ("--help", "-h"))
    assert (long.exit_code, short.exit_code) == (0, 0)
    assert long.output == short.output
    assert command.help, words


@pytest.mark.parametrize(("words", "command"), COMMANDS)
def test_an_option_that_recurs_is_the_same_in_each_command(words: tuple[str, ...], command: Any) -> None:
    names = {each.name: tuple(each.opts) for each in command.params}
    recurring = {"cwd": ("--cwd", "-C"), "stack": ("--stack",), "json": ("--json",), "yes": ("--yes",)}
    assert {name: opts for name, opts in names.items() if name in recurring and opts != recurring[name]} == {}, words


@pytest.mark.parametrize(("words", "command"), COMMANDS)
def test_a_wrong_use_ends_with_2(words: tuple[str, ...], command: Any) -> None:
    assert CliRunner().invoke(apps.app, [*words, "--no-such-option"]).exit_code == 2


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(apps.app, ["--version"]).stdout == "fleet 0.1.0\n"


def test_the_shell_completes_commands() -> None:
    asked = {"_FLEET_COMPLETE": "complete_bash", "COMP_WORDS": "fleet tea", "COMP_CWORD": "1"}
    done = CliRunner().invoke(apps.app, [], env=asked, prog_name="fleet")
    assert done.stdout.split() == ["teardown"]


@pytest.mark.parametrize("arguments", [["-q", "tools", "actionlint"], ["tools", "actionlint", "--quiet"]])
def test_quiet_leaves_the_result_and_no_progress(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_tool: object, say: Callable[[str], None]) -> str:
        say("building")
        return "/the/path"

    monkeypatch.setattr("tools.fleet_tools.find", find)
    loud = CliRunner().invoke(apps.app, ["tools", "actionlint"])
    assert (loud.stdout, loud.stderr) == ("/the/path\n", "building\n")
    quiet = CliRunner().invoke(apps.app, arguments)
    assert (quiet.stdout, quiet.stderr) == ("/the/path\n", "")


def test_an_error_is_said_in_quiet_too() -> None:
    done = CliRunner().invoke(apps.app, ["-q", "tools", "nosuch"])
    assert done.exit_code == 2
    assert "unknown tool nosuch" in done.stderr


def test_what_follows_a_double_dash_is_another_program_s() -> None:
    command: Any = typer.main.get_command(apps.app)
    context = command.make_context("fleet", ["sandbox", "exec", "--", "git", "-q"], resilient_parsing=True)
    assert context.args == ["exec", "--", "git", "-q"] or "-q" in context.args


def test_the_pages_are_made_from_the_app_and_there_are_no_others() -> None:
    folder = REPOSITORY / page.FOLDER
    found = [REPOSITORY / page.INDEX, *folder.iterdir()]
    assert {path.relative_to(REPOSITORY).as_posix(): path.read_text() for path in found} == page.render(), "make docs"


def test_the_page_of_a_command_that_is_gone_is_removed(tmp_path: Path) -> None:
    gone = tmp_path / page.FOLDER / "gone.md"
    gone.parent.mkdir(parents=True)
    gone.write_text("# `fleet gone`\n")
    page.write(tmp_path)
    assert not gone.exists()
    assert (tmp_path / page.FOLDER / "teardown.md").is_file()


def test_a_mistyped_time_destroys_nothing() -> None:
    done = CliRunner().invoke(apps.app, ["teardown", "run", "--yes", "--keep-until=tomorrow"])
    assert done.exit_code == 2
    assert "'tomorrow' is not a UTC time" in done.stderr
