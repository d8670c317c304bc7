"""Which files of a working tree Flux gets to see."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from checks import artifact

if TYPE_CHECKING:
    from pathlib import Path


def seen(root: Path, files: dict[str, str], ignore: tuple[str, ...] = ()) -> set[str]:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return set(artifact.scan(root, ignore).files)


FILES = {"a/one.yaml": "", "a/b/two.yaml": "", "picture.png": "", "a/b/three.png": ""}


@pytest.mark.parametrize(
    ("ignores", "left_out"),
    [
        ({}, {"picture.png", "a/b/three.png"}),
        ({".sourceignore": "# nothing"}, {"picture.png", "a/b/three.png"}),
        ({".sourceignore": "*.txt"}, set[str]()),
        ({"a/.sourceignore": "two.yaml"}, {"a/b/two.yaml"}),
        ({"a/.sourceignore": "/two.yaml"}, set[str]()),
        ({"a/.sourceignore": "/b/"}, {"a/b/two.yaml", "a/b/three.png"}),
        ({".sourceignore": "/*\n!/a/b"}, {"a/one.yaml", "picture.png"}),
        ({".sourceignore": "*.yaml", "a/b/.sourceignore": "!two.yaml"}, {"a/one.yaml"}),
        ({".gitignore": "*"}, {"picture.png", "a/b/three.png"}),
    ],
)
def test_the_patterns_of_all_folders_count_and_the_last_wins(
    tmp_path: Path, ignores: dict[str, str], left_out: set[str]
) -> None:
    found = seen(tmp_path, FILES | ignores) & FILES.keys()
    assert FILES.keys() - found == left_out


def test_the_patterns_of_the_source_come_last(tmp_path: Path) -> None:
    assert seen(tmp_path, FILES | {".sourceignore": "!one.yaml"}, ("/*", "!/a/b/two.yaml")) & FILES.keys() == {
        "a/b/two.yaml"
    }


def test_what_git_tracks_is_seen_and_what_it_ignores_is_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    seen(tmp_path, {"tracked.yaml": "", "ignored.yaml": "", ".gitignore": "*.yaml\n"})
    subprocess.run(["git", "add", "-f", "tracked.yaml"], cwd=tmp_path, check=True)
    assert seen(tmp_path, {"new.yml": ""}) & {"tracked.yaml", "ignored.yaml", "new.yml"} == {"tracked.yaml", "new.yml"}


def test_what_the_build_may_write_is_copied_and_the_rest_is_linked(tmp_path: Path) -> None:
    root, target = tmp_path / "repository", tmp_path / "artifact"
    root.mkdir()
    names = ("a.yaml", "a.yml", "Kustomization", "notes.txt")
    for name in names:
        (root / name).write_text("before")
    artifact.copy(root, {name: name for name in names}, target)
    assert {name for name in names if (target / name).samefile(root / name)} == {"notes.txt"}
    assert {(target / name).read_text() for name in names} == {"before"}
