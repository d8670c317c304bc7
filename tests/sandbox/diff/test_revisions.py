"""What is compared: commits by their names, the working tree, and their files."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from common.errors import CannotRunError
from sandbox.diff import revisions
from sandbox.diff.revisions import Range
from tests.delivery.test_scope import Clone

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path)
    made.commit(**{"infra__a.py": "1", "Pulumi.staging.yaml": "config: {}", ".gitignore": "ignored\n"})
    return made


def test_without_a_word_the_working_tree_is_compared_with_the_merge_base_of_main(clone: Clone) -> None:
    base = clone.git("rev-parse", "HEAD")
    clone.git("checkout", "--quiet", "-b", "change")
    clone.commit(infra__a="2")
    clone.git("checkout", "--quiet", "main")
    clone.commit(infra__b="later")
    clone.git("checkout", "--quiet", "change")
    found = revisions.parse(clone.folder, None)
    assert found == Range(base, None)
    assert (found.subject, found.line) == ("the working tree", f"the working tree with {base[:12]}")


def test_each_side_has_its_default(clone: Clone) -> None:
    first = clone.git("rev-parse", "HEAD")
    second = clone.commit(infra__a="2")
    assert revisions.parse(clone.folder, first) == Range(first, None)
    assert revisions.parse(clone.folder, f"{first}..") == Range(first, None)
    assert revisions.parse(clone.folder, f"..{second}") == Range(second, second)
    assert revisions.parse(clone.folder, "HEAD~1..HEAD") == Range(first, second)


@pytest.mark.parametrize("text", ["nosuch", "--upload-pack=x", "nosuch..", "main..nosuch"])
def test_what_is_no_commit_is_named(clone: Clone, text: str) -> None:
    with pytest.raises(CannotRunError, match=r"is not a commit of .*: name one, or fetch it"):
        revisions.parse(clone.folder, text)


def test_without_main_a_base_has_to_be_named(clone: Clone) -> None:
    clone.git("branch", "--move", "main", "trunk")
    with pytest.raises(CannotRunError, match="neither main nor origin/main: name what to compare with"):
        revisions.parse(clone.folder, None)


def test_without_a_common_commit_a_base_has_to_be_named(clone: Clone) -> None:
    clone.git("checkout", "--quiet", "--orphan", "other")
    clone.commit(infra__a="3")
    with pytest.raises(CannotRunError, match="main and HEAD have no common commit here"):
        revisions.parse(clone.folder, None)


def test_no_checkout_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match="git rev-parse failed: fatal: not a git repository"):
        revisions.parse(tmp_path, "HEAD")


def test_the_working_tree_has_what_is_not_committed_and_not_ignored(clone: Clone) -> None:
    base = clone.git("rev-parse", "HEAD")
    (clone.folder / "infra/a.py").write_text("2")
    (clone.folder / "infra/new.py").write_text("x")
    (clone.folder / "ignored").write_text("x")
    assert revisions.changed(clone.folder, Range(base, None)) == ["infra/a.py", "infra/new.py"]
    assert revisions.changed(clone.folder, Range(base, base)) == []


def test_the_files_of_a_commit_lie_in_a_worktree_that_vanishes(clone: Clone) -> None:
    base = clone.git("rev-parse", "HEAD")
    clone.commit(**{"infra__a.py": "2", "Pulumi.blue.yaml": ""})
    with revisions.files(clone.folder, base) as tree:
        assert (tree / "infra/a.py").read_text() == "1"
        assert not (tree / "Pulumi.blue.yaml").exists()
    assert not tree.exists()
    assert len(clone.git("worktree", "list").splitlines()) == 1
    with revisions.files(clone.folder, None) as tree:
        assert tree == clone.folder
    assert (revisions.stacks(clone.folder, base), revisions.stacks(clone.folder, "HEAD")) == (
        ["staging"],
        ["blue", "staging"],
    )


def test_what_a_commit_holds_is_told_from_another_by_the_named_paths_alone(clone: Clone) -> None:
    first = clone.git("rev-parse", "HEAD")
    second = clone.commit(docs__a="x")
    third = clone.commit(**{"infra__a.py": "2"})
    of = [revisions.contents(clone.folder, commit, ("infra", "nosuch")) for commit in (first, second, third)]
    assert of[0] == of[1] != of[2]
    assert revisions.text_of(clone.folder, first, "infra/a.py") == "1"
    assert revisions.text_of(clone.folder, first, "infra/nosuch.py") is None


def test_a_worktree_that_git_refuses_is_one_line(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(clone.folder / "nosuch"))
    with (
        pytest.raises(CannotRunError, match="git worktree failed"),
        revisions.files(clone.folder, "0" * 40),
    ):
        pass
    assert subprocess.run(["git", "--version"], check=True, capture_output=True).stdout
