"""docs/add-an-app.md and the two pages after it, followed on a copy: `make check` is clean after each step."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from checks.config import load
from checks.findings import Severity, Stage
from checks.run import run
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("add-an-app.md", "add-an-app-workload.md", "add-an-app-releases.md")
PAGE = "\n".join((REPOSITORY / "docs" / name).read_text() for name in NAMES)
NUMBERS = [int(number) for number in re.findall(r"^## (\d+)\. ", PAGE, flags=re.MULTILINE)]
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


def found(copy: Path, *stages: Stage) -> list[str]:
    """What `fleet check` finds, notes aside: all of it, or in some stages."""
    report = run(copy, load(copy), stages=stages or tuple(Stage))
    return [f"{each.rule} {each}" for each in report.findings if each.severity is not Severity.NOTE]


@pytest.fixture(scope="module")
def followed(copy: Path) -> dict[str, list[str]]:
    """What the check finds after each step: heading → findings. The copy has the application then.

    The policies judge each object alone, and the last tree has those of all steps: they are asked once.
    """
    *before, last = Stage
    assert last is Stage.POLICY
    after = {step.splitlines()[0]: (follow(copy, step), found(copy, *before))[1] for step in STEPS}
    return {**after, "the policies": found(copy, last)}


def test_the_steps_go_on_from_page_to_page() -> None:
    assert list(range(1, 7)) == NUMBERS


def test_every_block_of_the_pages_is_followed() -> None:
    blocks = len(re.findall(r"^```\w", PAGE, re.MULTILINE))
    assert blocks == sum(len(FILE.findall(step)) + len(DIFF.findall(step)) for step in STEPS) > 0


def test_each_step_ends_with_a_clean_check(followed: dict[str, list[str]]) -> None:
    assert followed == {**{step.splitlines()[0]: [] for step in STEPS}, "the policies": []}


@pytest.mark.usefixtures("followed")
@pytest.mark.parametrize(
    ("old", "new", "rule", "stage"),
    [("v1.0.0", "v0.1.0", "I5", Stage.ORDER), ("${ECR_REGISTRY}", "docker.io", "P1", Stage.POLICY)],
    ids=["a tag that its policy refuses", "an image from elsewhere"],
)
def test_the_new_application_is_checked_like_the_first(copy: Path, old: str, new: str, rule: str, stage: Stage) -> None:
    file = copy / "k8s" / "applications" / "hello" / "kustomization.yaml"
    good = file.read_text()
    file.write_text(good.replace(old, new))
    try:
        assert [each for each in found(copy, stage) if each.startswith(rule)]
    finally:
        file.write_text(good)


@pytest.mark.usefixtures("followed")
def test_the_permanent_layer_makes_its_repository_and_both_roles_reach_it(copy: Path) -> None:
    for golden in ("tests.infra.golden", "tests.permanent.golden"):
        subprocess.run([sys.executable, "-m", golden], cwd=copy, check=True, capture_output=True)
    for golden in ("infra", "permanent"):
        text = (copy / "tests" / golden / "goldens" / "default.yaml").read_text()
        assert "repository/hello" in text
        assert yaml.safe_load(text)
