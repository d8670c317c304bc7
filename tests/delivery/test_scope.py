from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import FleetError
from delivery import scope
from delivery.scope import classify

if TYPE_CHECKING:
    from pathlib import Path

APART = ["k8s/apps/a.yaml", "policies/p.yaml", "applications/x/main.py", "docs/day-zero.md", "README.md", "LICENSE"]
BOTH = [
    "infra/network.py",
    "infra/contract/names.py",
    "permanent/program.py",
    "requirements.txt",
    "pyproject.toml",
    ".github/workflows/infra-plan.yml",
    "mise.toml",
    "new-folder/anything",
    "infra/README.md",
]
STACK_ALONE = ["Pulumi.yaml", "Pulumi.staging.yaml", "__main__.py", "sandbox/cli.py", "tests/infra/test_graph.py"]

paths = st.lists(
    st.sampled_from([*APART, *BOTH, *STACK_ALONE]) | st.text("abkdp8s/.y", min_size=1).filter(lambda x: x[0] != "/")
)


class Clone:
    """A git repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(self.folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, **files: str | None) -> str:
        """Commit files (`__` is a slash in a name); None removes one."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=x")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.mark.parametrize("path", APART)
def test_what_no_program_is_made_from_touches_nothing(path: str) -> None:
    found = classify([path])
    assert (found.infra, found.permanent) == (False, False)


@pytest.mark.parametrize("path", BOTH)
def test_all_else_touches_both_layers(path: str) -> None:
    found = classify([path])
    assert (found.infra, found.permanent) == (True, True)


@pytest.mark.parametrize("path", STACK_ALONE)
def test_the_stack_s_own_files_leave_the_permanent_layer_alone(path: str) -> None:
    found = classify([path])
    assert (found.infra, found.permanent) == (True, False)


@given(paths, paths)
def test_a_change_touches_what_its_parts_touch(some: list[str], more: list[str]) -> None:
    parts, whole = (classify(some), classify(more)), classify([*some, *more])
    assert whole.infra == any(part.infra for part in parts)
    assert whole.permanent == any(part.permanent for part in parts)


@given(paths)
def test_the_permanent_layer_is_never_touched_alone(changed: list[str]) -> None:
    found = classify(changed)
    assert found.infra or not found.permanent


def test_a_branch_is_compared_with_where_it_left(clone: Clone) -> None:
    clone.commit(a="1")
    clone.git("checkout", "--quiet", "-b", "branch")
    clone.commit(docs__page="1")
    clone.git("checkout", "--quiet", "main")
    base = clone.commit(infra__later="1")

    assert not scope.find(clone.folder, base, "branch").infra


def test_a_file_that_moves_away_counts_where_it_was(clone: Clone) -> None:
    base = clone.commit(infra__x="a text that is long enough to be found again\n")
    clone.commit(infra__x=None, docs__x="a text that is long enough to be found again\n")

    found = scope.find(clone.folder, base, "HEAD")

    assert found.infra
    assert "infra/x" in found.reason


def test_a_name_that_git_would_quote_is_read_as_it_is(clone: Clone) -> None:
    base = clone.commit(a="1")
    clone.commit(**{'docs__n\né"t': "1"})

    assert not scope.find(clone.folder, base, "HEAD").infra


def test_no_change_touches_nothing(clone: Clone) -> None:
    base = clone.commit(a="1")
    assert not scope.find(clone.folder, base, "HEAD").infra


@pytest.mark.parametrize("base", ["0" * 40, "0" * 64, "1234567890" * 4])
def test_without_the_base_everything_counts_as_changed(clone: Clone, base: str) -> None:
    clone.commit(docs__x="1")

    found = scope.find(clone.folder, base, "HEAD")

    assert (found.infra, found.permanent) == (True, True)
    assert "everything" in found.reason


def test_a_head_that_is_not_there_is_an_error(clone: Clone) -> None:
    base = clone.commit(a="1")
    with pytest.raises(FleetError, match=r"git diff failed: .*nosuch"):
        scope.find(clone.folder, base, "nosuch")


def test_histories_that_never_met_are_an_error(clone: Clone) -> None:
    base = clone.commit(a="1")
    clone.git("checkout", "--quiet", "--orphan", "other")
    clone.commit(b="1")
    with pytest.raises(FleetError, match="fetch-depth: 0"):
        scope.find(clone.folder, base, "HEAD")


def test_a_folder_without_a_clone_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(FleetError, match="not a git repository"):
        scope.find(tmp_path, "1" * 40, "HEAD")


def test_a_base_is_no_option(clone: Clone) -> None:
    clone.commit(a="1")
    assert scope.find(clone.folder, "--help", "HEAD").infra


def test_stacks_are_those_with_a_file(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.eu.west.yaml", "Pulumi.staging.yaml.bak", "x.yaml"):
        (tmp_path / name).touch()

    assert scope.stacks(tmp_path) == ["eu.west", "staging"]


@pytest.mark.parametrize(
    ("path", "touched"),
    [("k8s/apps/a.yaml", True), ("checks.yaml", True), ("policies/p.yaml", False), ("infra/a.py", False)],
)
def test_manifests_are_touched_by_what_flux_builds_from(path: str, touched: bool) -> None:
    assert classify([path]).manifests is touched
