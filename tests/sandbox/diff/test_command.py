"""`fleet diff` where no engine is needed: what is refused, and what no program is made from."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from sandbox.diff import store
from sandbox.diff.fleet_diff import app
from sandbox.folder import Folder
from tests.delivery.test_scope import Clone
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "clone").mkdir()
    made = Clone(tmp_path / "clone")
    made.commit(**{"Pulumi.staging.yaml": "config: {}", "Pulumi.blue.yaml": "config: {}", ".gitignore": ".sandbox*\n"})
    return made


def test_a_change_that_no_program_is_made_from_starts_no_engine(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    clone.commit(docs__page="x")

    done = CliRunner().invoke(
        app, ["HEAD~1..HEAD", "-C", str(clone.folder), "--reports", str(tmp_path / "reports"), "--json"]
    )

    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [(each["stack"], each["line"]) for each in document["reports"]] == [
        ("blue", "no changes"),
        ("staging", "no changes"),
    ]
    assert document["manifests"] is None
    report = (tmp_path / "reports" / "infra-fleet-staging.md").read_text()
    assert report.startswith("<!-- infra-fleet:diff:infra-fleet/staging -->\n### Diff of ")
    assert "> No file that the programs are made from has changed: nothing was previewed." in report
    assert report.strip() in (tmp_path / "summary").read_text()
    assert not [path for path in (clone.folder / store.FOLDER).iterdir() if path.is_dir()]


def test_head_is_called_by_its_commit_where_it_is_what_a_merge_would_make(clone: Clone) -> None:
    clone.commit(docs__page="x")
    commit = "0123456789abcdef" + "0" * 24
    done = CliRunner().invoke(app, ["HEAD~1", "-C", str(clone.folder), "--commit", commit, "--stack", "blue"])
    assert done.exit_code == 0
    assert "comparing 0123456789ab with " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nosuch"], "diff: nosuch is not a commit of"),
        (
            ["HEAD", "--stack", "green"],
            "neither BASE nor HEAD has Pulumi.green.yaml: --stack names one of their stacks",
        ),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(clone: Clone, arguments: list[str], line: str) -> None:
    command = [sys.executable, "-m", "fleet", "diff", *arguments, "-C", str(clone.folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert line in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_manifests_that_cannot_be_compared_are_said(clone: Clone) -> None:
    clone.commit(**{"k8s__a.yaml": "kind: X\n"})
    done = CliRunner().invoke(app, ["HEAD~1..HEAD", "-C", str(clone.folder)])
    assert done.exit_code == 0, done.output
    assert "not known: " in done.stdout
    assert "checks.yaml is missing" in done.stdout
    assert done.stdout.splitlines()[-1] == "k8s: no changes, 1 not known"


def test_forgetting_ends_what_an_earlier_run_has_left(clone: Clone) -> None:
    Folder(clone.folder / store.FOLDER / "a").claim()
    done = CliRunner().invoke(app, ["--forget", "-C", str(clone.folder)])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "1 embedded account ended" in done.stderr
    assert not (clone.folder / store.FOLDER / "a").exists()


def test_what_is_kept_of_an_account_is_read_back_and_a_broken_file_is_nothing(tmp_path: Path) -> None:
    folder, kept = Folder(tmp_path), store.Kept(account="1-2", stacks={"staging": "", "blue": "why"}, layer="no")
    assert store.read(folder) is None
    store.write(folder, kept)
    assert store.read(folder) == kept
    (folder.project / ".base.json").write_text("{")
    assert store.read(folder) is None


def test_an_account_is_another_one_for_another_base() -> None:
    assert store.key(["a", "b"]) == store.key(["a", "b"]) != store.key(["ab", ""])
