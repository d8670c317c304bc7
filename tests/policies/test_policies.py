"""Each policy on its good and bad objects, by Kyverno's own test command."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from checks import binaries
from checks.config import load
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = sorted(path.parent for path in (REPOSITORY / "policies").glob("*/policy.yaml"))
CONTROLLERS = {"Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"}


def copied(folder: Path, target: Path, expression: str = "") -> Path:
    """A policy's folder with sample values for variables, and perhaps another expression in its validations."""
    samples = load(REPOSITORY).variables["ConfigMap/flux-system/terraform-outputs"]
    for path in folder.glob("*.yaml"):
        text = path.read_text()
        if path.name == "policy.yaml":
            text = re.sub(r"\$\{(\w+)\}", lambda found: samples[found[1]].sample, text)
            if expression:
                text = re.sub(r"(?m)^    - expression: .*$", f"    - expression: {expression}", text)
        (target / path.name).write_text(text)
    return target


def kyverno(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [binaries.kyverno(), *arguments, "--remove-color"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_policy_takes_the_good_and_refuses_the_bad(folder: Path, tmp_path: Path) -> None:
    done = kyverno("test", str(copied(folder, tmp_path)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 tests failed" in done.stdout


@pytest.mark.parametrize("expression", ["'true'", "'false'"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_policy_that_takes_or_refuses_everything_does_not_pass(folder: Path, expression: str, tmp_path: Path) -> None:
    assert kyverno("test", str(copied(folder, tmp_path, expression))).returncode != 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_object_and_every_controller_is_tried_both_ways(folder: Path) -> None:
    expected = yaml.safe_load((folder / "kyverno-test.yaml").read_text())["results"]
    for file, result in (("good.yaml", "pass"), ("bad.yaml", "fail")):
        objects = list(yaml.safe_load_all((folder / file).read_text()))
        tried = {(each["kind"], name) for each in expected if each["result"] == result for name in each["resources"]}
        assert tried == {(each["kind"], each["metadata"]["name"]) for each in objects}
        assert {each["kind"] for each in objects} >= CONTROLLERS


def test_the_policies_are_of_the_kind_that_the_next_kyverno_reads_and_deny() -> None:
    assert len(FOLDERS) == 5
    for folder in FOLDERS:
        policy = yaml.safe_load((folder / "policy.yaml").read_text())
        assert (policy["apiVersion"], policy["kind"]) == ("policies.kyverno.io/v1", "ValidatingPolicy")
        assert policy["metadata"]["name"] == folder.name
        assert policy["spec"]["validationActions"] == ["Deny"]
        assert f"]({folder.name}/policy.yaml)" in (REPOSITORY / "policies" / "README.md").read_text()
