"""The policies on many objects: shared out to several processes, with what one would have said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml

from checks import binaries, policy, tree
from checks.config import load
from common.errors import FleetError
from tests.checks import generated, trees

if TYPE_CHECKING:
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
    return sorted((each.policy, each.object.label) for each in policy.violations(model))


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
