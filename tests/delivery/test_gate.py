"""Before a rebuild: each answer that GitHub can give about the run that main's head needs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from common.console import Console, Progress
from common.errors import FleetError, UnknownError
from delivery import gate
from fleet import app

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.github_api import GitHubApi


class Main:
    """A clone of main."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, path: str) -> str:
        """Change a file; gives the commit."""
        file = self.folder / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(file.read_text() + "+" if file.exists() else "+")
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={path}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def main(tmp_path: Path) -> Main:
    made = Main(tmp_path)
    made.commit("infra/first.py")
    return made


def check(main: Main, wait: float = 0) -> str:
    return gate.check(main.folder, Progress(Console()), wait=wait, pause=0.001)


def test_main_is_applied_where_the_run_of_its_head_succeeded(main: Main, github: GitHubApi) -> None:
    github.run(main.commit("infra/a.py"))
    assert check(main) == "main is applied by run 1 of infra-apply.yml: " + github.runs[0]["html_url"]


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out", "startup_failure", "action_required"])
def test_a_run_that_did_not_succeed_refuses_with_its_link(main: Main, github: GitHubApi, conclusion: str) -> None:
    run = github.run(main.commit("infra/a.py"), conclusion)
    with pytest.raises(FleetError, match=rf"ended with {conclusion}: {run['html_url']}.*gh run rerun {run['id']}"):
        check(main)


def test_the_success_of_a_later_run_that_applied_nothing_hides_no_failure(main: Main, github: GitHubApi) -> None:
    """Flux's commit starts a run as well, whose only job finds that nothing of the programs changed."""
    run = github.run(main.commit("infra/a.py"), "failure")
    github.run(
        main.commit("k8s/tag.yaml"), jobs={"find what changed": "success", "apply, ${{ matrix.stack }}": "skipped"}
    )
    with pytest.raises(FleetError, match=run["html_url"]):
        check(main)


def test_a_failed_run_is_superseded_by_that_of_a_newer_change(main: Main, github: GitHubApi) -> None:
    github.run(main.commit("infra/a.py"), "failure")
    github.run(main.commit("infra/a.py"))
    assert "by run 2" in check(main)


def test_a_head_without_a_run_needs_that_of_the_newest_change_of_the_programs(main: Main, github: GitHubApi) -> None:
    """Behind two pages of runs of Flux's commits, and one of which there is none."""
    github.run(main.commit("infra/a.py"))
    main.commit("k8s/tag.yaml")
    flux = main.commit("k8s/tag.yaml")
    for _ in range(65):
        github.run(flux, jobs={"find what changed": "success"})
    main.commit("docs/page.md")
    assert check(main).endswith("nothing of the programs changed in the 3 commits since")


def test_a_push_of_several_commits_has_the_run_of_its_last_one(main: Main, github: GitHubApi) -> None:
    main.commit("infra/a.py")
    github.run(main.commit("docs/page.md"))
    assert "by run 1" in check(main)


def test_a_run_that_is_repeated_counts_as_it_ends(main: Main, github: GitHubApi) -> None:
    sha = main.commit("infra/a.py")
    github.run(sha, "failure")
    github.run(sha)
    assert "by run 2" in check(main)


def test_a_run_that_applied_nothing_at_all_is_no_success(main: Main, github: GitHubApi) -> None:
    """Without the variables of the account the job is skipped, and the run succeeds."""
    github.run(main.commit("infra/a.py"), jobs={"find what changed": "success", "apply, staging": "skipped"})
    with pytest.raises(FleetError, match="has applied nothing"):
        check(main)


def test_a_run_under_way_is_waited_for(main: Main, github: GitHubApi, monkeypatch: pytest.MonkeyPatch) -> None:
    run = github.run(main.commit("infra/a.py"), None)
    looks: list[bool] = []
    judge = gate.judge

    def judged(*arguments: object) -> gate.Verdict:
        looks.append(True)
        if len(looks) == 3:
            run.update(status="completed", conclusion="success")
            github.jobs[run["id"]][1]["conclusion"] = "success"
        return judge(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(gate, "judge", judged)
    assert "by run 1" in check(main, wait=600)
    assert len(looks) == 3


@pytest.mark.parametrize("status", ["in_progress", "queued", "waiting", "pending", "requested"])
def test_a_run_that_does_not_end_in_time_is_a_failure(main: Main, github: GitHubApi, status: str) -> None:
    run = github.run(main.commit("infra/a.py"), None, status=status)
    with pytest.raises(
        FleetError, match=f"not there after 0 s: run 1 of infra-apply.yml is {status}: {run['html_url']}"
    ):
        check(main)


def test_a_change_without_a_run_is_a_failure(main: Main, github: GitHubApi) -> None:
    github.run(main.git("rev-parse", "HEAD"))
    sha = main.commit("infra/a.py")
    with pytest.raises(FleetError, match=f"has no run for {sha[:12]}"):
        check(main)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [(403, FleetError, "actions: read"), (404, FleetError, "is not a workflow"), (502, UnknownError, "answers 502")],
)
def test_no_answer_is_no_success(
    main: Main, github: GitHubApi, monkeypatch: pytest.MonkeyPatch, status: int, kind: type[FleetError], message: str
) -> None:
    github.failures["actions/workflows/infra-apply.yml/runs"] = (status, {"message": "no"})
    with pytest.raises(kind, match=message):
        check(main)


def test_a_shallow_clone_is_refused(main: Main, tmp_path: Path) -> None:
    main.commit("docs/page.md")
    main.git("clone", "--quiet", "--depth=1", f"file://{main.folder}", str(tmp_path / "clone"))
    with pytest.raises(FleetError, match="fetch-depth: 0"):
        gate.Needed.of(tmp_path / "clone")


def test_a_person_may_force_it(main: Main, github: GitHubApi) -> None:
    github.run(main.commit("infra/a.py"), "failure")
    folder = ["--cwd", str(main.folder)]
    (main.folder / "Pulumi.yaml").touch()
    assert CliRunner().invoke(app.app, ["gate", *folder, "--wait=0"]).exit_code == 1
    done = CliRunner().invoke(app.app, ["gate", *folder], env={"FORCE": "true"})
    assert (done.exit_code, done.stdout) == (0, "main is not checked: --force\n")
