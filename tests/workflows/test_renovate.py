"""What renovate.json moves: each pin is found where it stands, and pins that belong together move together."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from infra.contract import versions
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

CONFIG: dict[str, Any] = json.loads((REPOSITORY / "renovate.json").read_text())
MANAGERS: list[dict[str, Any]] = CONFIG["customManagers"]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())

PINS = {name: value for name, value in vars(versions).items() if name.isupper() and isinstance(value, str)}
BY_DECISION = {"PYTHON", "PROMETHEUS"}

MODULES = [f"github.com/{path}" for path in ("pulumi/pulumi/pkg/v3", "pulumi/pulumi/sdk/v3", "rhysd/actionlint")]
KUSTOMIZE, KUBECONFORM, KYVERNO, CRDS = (
    versions.GO_TOOLS[folder][0] for folder in ("kustomize", "kubeconform", "kyverno", "crds")
)
GROUPS = {
    **dict.fromkeys(("kubernetes", "kube-validate", "etcd", "kwok", "helm"), "sandbox cluster"),
    **dict.fromkeys(("source-controller", "kustomize-controller", "helm-controller", "flux-bootstrap"), "flux"),
}
"""Folder of tools/ → the group that its module moves in, where that is another."""

DOCKERFILE = REPOSITORY / "applications" / "load-harness" / "Dockerfile"
FLUX_API = "github.com/fluxcd/source-controller/api"


def files(manager: dict[str, Any]) -> list[Path]:
    """The files of the repository that a manager reads: its patterns are regular expressions between slashes."""
    patterns = [re.compile(pattern.removeprefix("/").removesuffix("/")) for pattern in manager["managerFilePatterns"]]
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=REPOSITORY, text=True
    )
    return [REPOSITORY / name for name in listed.splitlines() if any(pattern.search(name) for pattern in patterns)]


def found(manager: dict[str, Any], path: Path) -> list[dict[str, str]]:
    """What a manager finds in a file. JavaScript's named groups are Python's but for a letter."""
    matches = [
        match
        for pattern in manager["matchStrings"]
        for match in re.finditer(pattern.replace("(?<", "(?P<"), path.read_text())
    ]
    templates = {key.removesuffix("Template"): value for key, value in manager.items() if key.endswith("Template")}
    return [templates | {key: value for key, value in match.groupdict().items() if value} for match in matches]


def rules(dependency: str, manager: str = "", dep_type: str = "", update: str = "") -> dict[str, Any]:
    """What the package rules say of a dependency: later rules go before earlier ones."""
    merged: dict[str, Any] = {}
    for rule in CONFIG["packageRules"]:
        matched = (
            any(_matches(pattern, dependency) for pattern in rule.get("matchPackageNames", ["**"]))
            and dependency in rule.get("matchDepNames", [dependency])
            and manager in rule.get("matchManagers", [manager])
            and dep_type in rule.get("matchDepTypes", [dep_type])
            and update in rule.get("matchUpdateTypes", [update])
        )
        merged |= rule if matched else {}
    return merged


def normal(requirement: str) -> str:
    """name[extras]==version as the locks write it: the name in PyPI's normal form, without extras."""
    name, _, version = re.sub(r"\[.*\]", "", requirement).partition("==")
    return f"{re.sub(r'[._-]+', '-', name).lower()}=={version}"


def _matches(pattern: str, name: str) -> bool:
    return name.startswith(pattern.removesuffix("**")) if pattern.endswith("**") else name == pattern


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda manager: manager["description"])
def test_a_manager_finds_versions_in_every_file_that_it_names(manager: dict[str, Any]) -> None:
    assert files(manager)
    for path in files(manager):
        dependencies = found(manager, path)
        assert dependencies, path
        for dependency in dependencies:
            assert {"depName", "datasource", "currentValue", "extractVersion"} <= dependency.keys()


def test_every_pin_of_the_contract_is_found() -> None:
    values = [dependency["currentValue"] for dependency in found(MANAGERS[0], *files(MANAGERS[0]))]
    assert sorted(values) == sorted(value for name, value in PINS.items() if name not in BY_DECISION)


def test_the_engine_of_the_workflows_is_found() -> None:
    (dependency,) = found(MANAGERS[1], *files(MANAGERS[1]))
    assert dependency["currentValue"] == versions.PULUMI


def test_a_tag_gives_the_version_as_the_pins_write_it() -> None:
    for manager in MANAGERS:
        extract = re.compile(manager["extractVersionTemplate"].replace("(?<", "(?P<"))
        for tag, version in {"v3.274.1": "3.274.1", "1.26.8": "1.26.8", "1.36-eks-12": "1.36"}.items():
            match = extract.match(tag)
            assert match
            assert match["version"] == version


@pytest.mark.parametrize(
    ("group", "places"),
    [
        ("pulumi", [("pulumi", "pep621"), ("pulumi", "custom.regex"), ("pulumi/pulumi", "custom.regex")]),
        ("pulumi", [("pulumi/pulumi", "mise"), (MODULES[0], "gomod"), (MODULES[1], "gomod")]),
        ("pulumi-aws", [("pulumi-aws", "pep621"), ("pulumi-aws", "custom.regex")]),
        ("actionlint", [("rhysd/actionlint", "custom.regex"), (MODULES[2], "gomod")]),
        ("kustomize", [("kubernetes-sigs/kustomize", "mise"), (KUSTOMIZE, "custom.regex"), (KUSTOMIZE, "gomod")]),
        ("kubeconform", [("yannh/kubeconform", "mise"), (KUBECONFORM, "custom.regex"), (KUBECONFORM, "gomod")]),
        ("kyverno", [("kyverno/kyverno", "mise"), (KYVERNO, "custom.regex"), (KYVERNO, "gomod")]),
        ("crds", [(CRDS, "custom.regex"), (CRDS, "gomod"), ("github.com/fluxcd/flagger", "gomod")]),
        ("go", [("go", "custom.regex"), ("go", "mise"), ("go", "gomod")]),
        ("flux", [("fluxcd/flux2", "custom.regex"), ("fluxcd/flux2", "github-actions"), ("ghcr.io/fluxcd/x", "flux")]),
        ("flux", [("fluxcd/flux2", "custom.regex"), (FLUX_API, "gomod")]),
        ("github actions", [("actions/checkout", "github-actions"), ("pulumi/actions", "github-actions")]),
        ("kubernetes", [("amazon-eks", "custom.regex")]),
    ],
)
def test_what_stands_in_several_places_moves_in_one_pull_request(group: str, places: list[tuple[str, str]]) -> None:
    assert {rules(dependency, manager).get("groupName") for dependency, manager in places} == {group}


def test_every_found_pin_is_in_a_group() -> None:
    for manager in MANAGERS:
        for path in files(manager):
            for dependency in found(manager, path):
                assert "groupName" in rules(dependency["depName"], "custom.regex"), dependency


def test_the_modules_of_the_tools_are_those_that_the_groups_name() -> None:
    for path in REPOSITORY.glob("tools/*/go.mod"):
        module, _version = versions.GO_TOOLS[path.parent.name]
        assert rules(module, "gomod")["groupName"] == GROUPS.get(path.parent.name, path.parent.name)


def test_the_oldest_python_is_left_alone() -> None:
    for manager in ("pep621", "mise", "github-actions"):
        assert rules("python", manager)["enabled"] is False


@pytest.mark.parametrize(
    ("update", "moves"), [("digest", True), ("pin", True), ("patch", True), ("minor", False), ("major", False)]
)
def test_the_base_of_images_moves_within_its_minor(update: str, moves: bool) -> None:
    """Else a package of the base that has a fix is never fixed."""
    (base,) = {line.split()[1] for line in DOCKERFILE.read_text().splitlines() if line.startswith("FROM ")}
    name, _, tag = base.partition(":")
    found = rules(name, "dockerfile", update=update)
    assert found.get("enabled", True) is moves
    assert tag.startswith(f"{versions.PYTHON}.")
    assert found["groupName"] == "base image"
    assert found["schedule"] == ["at any time"]
    assert "docker:pinDigests" in CONFIG["extends"]


def test_a_pin_that_moved_without_its_locks_is_noticed() -> None:
    programs, groups = PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]
    locks = {
        "requirements.txt": programs,
        "requirements/checks.txt": programs + groups["checks"],
        "requirements/sandbox.txt": programs + groups["checks"] + groups["sandbox"],
        "requirements/dev.txt": programs + groups["checks"] + groups["sandbox"] + groups["dev"],
        "requirements/guard.txt": groups["guard"],
    }
    for lock, wanted in locks.items():
        locked = set(re.findall(r"^([\w.-]+==\S+)", (REPOSITORY / lock).read_text(), re.MULTILINE))
        pinned = {normal(requirement) for requirement in wanted if "==" in requirement}
        assert pinned <= locked, f"{lock}: run make lock"
    assert rules("boto3", "pep621")["postUpgradeTasks"]["commands"] == ["make lock"]
    assert CONFIG["pip_requirements"] == {"enabled": False}
