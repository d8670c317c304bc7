"""The policies on many objects: shared out to several processes, with what one would have said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from checks import binaries, policy, tree
from checks.config import load
from common.errors import FleetError
from tests.checks import generated, trees

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

POLICY = """apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: odd}
spec:
  validationActions: [Deny]
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}
  validations:
    - expression: "!object.metadata.name.endsWith('5')"
      message: names that end in 5 are refused
"""


@pytest.fixture
def model(tmp_path: Path) -> tree.Tree:
    """A tree of 120 objects and a policy that refuses some."""
    generated.write(tmp_path, 120)
    config = yaml.safe_load((tmp_path / "checks.yaml").read_text())
    (tmp_path / "checks.yaml").write_text(yaml.safe_dump({**config, "policies": "policies"}))
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "odd.yaml").write_text(POLICY)
    return tree.build(tree.read(tmp_path, load(tmp_path)), binaries.kustomize())


def said(model: tree.Tree) -> list[tuple[str, str]]:
    return sorted((each.policy, each.object.label) for each in policy.violations(model, use_cache=False))


def test_several_processes_say_what_one_says(model: tree.Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    one = said(model)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(policy, "AT_LEAST", 10)
    assert said(model) == one
    assert len(one) == len([each for each in model.objects if each.kind == "ConfigMap" and each.name.endswith("5")]) > 5


def test_a_folder_without_policies_and_a_policy_that_is_none_are_named(tmp_path: Path) -> None:
    root = trees.write(tmp_path)
    config = yaml.safe_load((root / "checks.yaml").read_text())
    (root / "checks.yaml").write_text(yaml.safe_dump({**config, "policies": "policies"}))
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    with pytest.raises(FleetError, match=r"policies holds no policy of policies\.kyverno\.io"):
        policy.violations(model)
    (root / "policies").mkdir()
    (root / "policies" / "odd.yaml").write_text(POLICY.replace("endsWith", "nosuch"))
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    with pytest.raises(FleetError, match="kyverno") as error:
        policy.violations(model)
    assert "\n" not in str(error.value)


CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata: {{name: settings, namespace: applications}}
data: {{greeting: {}}}
"""
PLACED = POLICY.replace("name: odd", "name: placed").replace(
    "!object.metadata.name.endsWith('5')", "!has(object.data) || object.data.greeting != 'bad'"
)


def test_objects_of_one_identity_are_told_apart(tmp_path: Path) -> None:
    """Two Flux Kustomizations may apply the same object, each in its own way."""
    root = trees.write(
        tmp_path,
        f"-- k8s/applications/config.yaml --\n{CONFIG_MAP.format('good')}"
        f"-- k8s/infrastructure/config.yaml --\n{CONFIG_MAP.format('bad')}-- policies/placed.yaml --\n{PLACED}",
    )
    (root / "checks.yaml").write_text(f"{(root / 'checks.yaml').read_text()}policies: policies\n")
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    (violation,) = policy.violations(model, use_cache=False)
    assert violation.object.file == "k8s/infrastructure/config.yaml"


LOOKS = POLICY.replace("name: odd", "name: looks").replace(
    "!object.metadata.name.endsWith('5')",
    "resource.Get('v1', 'configmaps', 'applications', object.metadata.name).data.name == object.metadata.name",
)


def test_a_policy_that_looks_at_other_objects_sees_all_of_them_and_is_always_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = trees.write(tmp_path, f"-- policies/looks.yaml --\n{LOOKS}")
    (root / "checks.yaml").write_text(f"{(root / 'checks.yaml').read_text()}policies: policies\n")
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    parts: list[int] = []
    real: Any = getattr(policy, "_written")  # noqa: B009  # what a process is given

    def written(path: Path, objects: Collection[Any]) -> Path:
        parts.append(len(objects))
        return real(path, objects)

    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(policy, "AT_LEAST", 1)
    monkeypatch.setattr(policy, "_written", written)
    for _ in range(2):
        policy.violations(model)
    assert parts == [len(list(model.objects))] * 2
