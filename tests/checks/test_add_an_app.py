"""docs/add-an-app.md, followed on a copy of the tree: `make check` is clean after each step."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (REPOSITORY / "docs" / "add-an-app.md").read_text()
STEPS = re.split(r"^## \d+\. ", PAGE, flags=re.MULTILINE)[1:]
FILE = re.compile(r"^`(?P<name>k8s/[^`]+)`(?:(?!^```).)*^```yaml\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of the working copy."""
    folder = tmp_path_factory.mktemp("copy") / "tree"
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in subprocess.check_output(listed, cwd=REPOSITORY, text=True).split("\0"):
        if name and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


def follow(copy: Path, step: str) -> list[str]:
    """Do what a step says; gives the files that it touches."""
    touched: list[str] = []
    for found in FILE.finditer(step):
        path = copy / found["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found["text"])
        touched.append(found["name"])
    for diff in DIFF.findall(step):
        command = ["git", "apply", "--unidiff-zero", "-"]
        done = subprocess.run(command, cwd=copy, input=diff, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        touched += re.findall(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE)
    return touched


def check(copy: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "fleet", "check", str(copy)], cwd=REPOSITORY, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def test_every_block_of_the_page_is_followed() -> None:
    blocks = len(re.findall(r"^```\w", PAGE, re.MULTILINE))
    assert blocks == sum(len(FILE.findall(step)) + len(DIFF.findall(step)) for step in STEPS) > 0


def test_each_step_ends_with_a_clean_check(copy: Path) -> None:
    before = check(REPOSITORY)
    assert before[0] == 0
    for step in STEPS:
        touched = follow(copy, step)
        code, said = check(copy)
        assert code == 0, f"after {step.splitlines()[0]} ({touched}): {said}"
        assert " warning " not in said, said


def test_the_new_application_is_checked_like_the_first(copy: Path) -> None:
    """It would be found: a tag that its policy refuses, and an image from elsewhere."""
    file = copy / "k8s" / "applications" / "hello" / "kustomization.yaml"
    good = file.read_text()
    for old, new, rule in (("v1.0.0", "v0.1.0", "I5"), ("${ECR_REGISTRY}", "docker.io", "P1")):
        file.write_text(good.replace(old, new))
        code, said = check(copy)
        assert (code, rule in said) == (1, True), said
    file.write_text(good)
    assert check(copy)[0] == 0


def test_the_permanent_layer_makes_its_repository_and_both_roles_reach_it(copy: Path) -> None:
    for golden in ("tests.infra.golden", "tests.permanent.golden"):
        subprocess.run([sys.executable, "-m", golden], cwd=copy, check=True, capture_output=True)
    for golden in ("infra", "permanent"):
        text = (copy / "tests" / golden / "goldens" / "default.yaml").read_text()
        assert "repository/hello" in text
        assert yaml.safe_load(text)
