from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from delivery import preview
from tests.support.engine import STACK, Project, executable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.delivery.conftest import Command

PROGRAM = """
    import pulumi

    class Box(pulumi.ComponentResource):
        def __init__(self, name, **inputs):
            super().__init__("test:index:Box", name, inputs)

    Box("box", text={text!r}, password=pulumi.Output.secret({password!r}))
"""


def run(project: Project, command: Callable[..., Command], *more: str, **variables: str) -> tuple[Command, str]:
    """Preview the project's stack; how that went, and the report."""
    report = project.folder.root / "report.md"
    done = command(
        *("preview", "--stack", STACK, "-C", str(project.folder.project), "--report", str(report), *more), **variables
    )
    return done, report.read_text("utf-8")


@pytest.mark.engine
def test_a_preview_is_reported_without_its_secrets(
    project: Project, command: Callable[..., Command], tmp_path: Path
) -> None:
    project.write(PROGRAM.format(text="one", password="hunter1"))
    up = project.run("up", "--yes", "--skip-preview", "--stack", STACK)
    assert up.returncode == 0, up.stdout
    project.write(PROGRAM.format(text="``` </details>", password="hunter2"))

    done, report = run(project, command, GITHUB_STEP_SUMMARY=str(tmp_path / "summary"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("test/test: ")
    assert report.startswith("<!-- infra-fleet:preview:test/test -->\n### Preview of <code>test/test</code>: ")
    assert (tmp_path / "summary").read_text("utf-8").strip() == report.strip()
    assert '````diff\n- text: "one"\n+ text: "``` </details>"\n````' in report
    assert "hunter" not in done.stdout + done.stderr + report


@pytest.mark.engine
def test_a_program_that_fails_is_reported(project: Project, command: Callable[..., Command]) -> None:
    project.write('import pulumi\nraise pulumi.RunError("no `size`: </details>")')

    done, report = run(project, command)

    assert done.returncode == 1
    assert "no `size`: </details>" in done.stdout
    assert "### Preview of <code>test/test</code> failed\n\n```\nerror: no `size`: </details>" in report


@pytest.mark.engine
def test_a_stack_that_is_not_there_is_reported(project: Project, command: Callable[..., Command]) -> None:
    done = command("preview", "--stack", "nosuch", "-C", str(project.folder.project))

    assert done.returncode == 6
    assert "pulumi ended with exit code 6 and printed no preview\nerror: no stack named 'nosuch' found" in done.stdout


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts another pulumi on PATH, and gives a folder with a project."""

    def put(script: str) -> Path:
        executable(tmp_path / "bin" / "pulumi", script)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        (tmp_path / "Pulumi.yaml").write_text("name: test\n")
        return tmp_path

    return put


def test_what_pulumi_says_is_passed_on_line_by_line(fake: Callable[[str], Path]) -> None:
    heard: list[str] = []
    done = preview.run(fake("echo one >&2; echo two >&2; echo '{}'"), "s", (), heard.append)

    assert heard == ["one", "two"]
    assert (done.code, done.failure) == (0, None)


def test_arguments_go_to_pulumi_and_its_exit_code_comes_back(fake: Callable[[str], Path]) -> None:
    said = """echo '{"diagnostics": [{"severity": "error", "message": "'"$*"'"}]}'; exit 7"""
    done = preview.run(fake(said), "s", ("--expect-no-changes",), print)

    assert (done.code, done.failure) == (
        7,
        "--non-interactive preview --json --show-sames --stack s --expect-no-changes",
    )


def test_a_success_without_a_preview_is_a_failure(fake: Callable[[str], Path]) -> None:
    done = preview.run(fake("echo 'Welcome to Pulumi'"), "s", (), print)

    assert done.code == 1
    assert done.failure == "pulumi ended with exit code 0 and printed no preview\nWelcome to Pulumi"


def test_a_preview_that_was_cut_off_is_not_shown(fake: Callable[[str], Path]) -> None:
    done = preview.run(fake("""echo '{"config": {"a": "999988887777"'; echo killed >&2; exit 137"""), "s", (), print)

    assert done.code == 137
    assert done.failure == "pulumi ended with exit code 137 and printed no preview\nkilled"


def test_a_failure_without_a_word_has_its_exit_code(fake: Callable[[str], Path]) -> None:
    done = preview.run(fake("echo '{}'; exit 9"), "s", (), print)

    assert (done.code, done.failure) == (9, "pulumi ended with exit code 9")


def test_secrets_are_not_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="--show-secrets"):
        preview.run(tmp_path, "s", ("--show-secrets=true",), print)


@pytest.mark.parametrize(
    ("text", "line"), [(None, "cannot be read"), ("- a", "does not name"), (": :", "is not valid YAML")]
)
def test_a_folder_without_a_project_is_named(tmp_path: Path, text: str | None, line: str) -> None:
    if text:
        (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(FleetError, match=line):
        preview.run(tmp_path, "s", (), print)


def test_without_pulumi_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: test\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FleetError, match="pulumi is not on PATH"):
        preview.run(tmp_path, "s", (), print)
