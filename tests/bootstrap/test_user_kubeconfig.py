"""The kubeconfig: what kubectl needs, and what stays of a person's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bootstrap import user_kubeconfig
from common import world
from common.errors import FleetError
from infra.contract.outputs import StackOutputs
from sandbox.account import process
from tests.bootstrap.example import OUTPUTS
from tests.support.checkout import REPOSITORY

STACK = StackOutputs.parse(OUTPUTS)
OWN = """# mine
apiVersion: v1
kind: Config
clusters:
- name: other   # at work
  cluster: {server: "https://other.example.com"}
- name: staging
  cluster: {server: "https://old.example.com"}
users:
- {name: other, user: {token: secret}}
contexts:
- {name: other, context: {cluster: other, user: other, namespace: mine}}
current-context: other
"""


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def test_what_was_there_stays_and_what_has_the_clusters_name_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(OWN)
    user_kubeconfig.merge(path, user_kubeconfig.build(STACK))
    found = load(path)
    assert [each["name"] for each in found["clusters"]] == ["other", "staging"]
    assert found["clusters"][1]["cluster"]["server"] == OUTPUTS["cluster_endpoint"]
    assert found["users"][0] == {"name": "other", "user": {"token": "secret"}}
    assert found["contexts"][0]["context"]["namespace"] == "mine"
    assert found["current-context"] == "staging"
    assert "# mine" in path.read_text()
    assert "# at work" in path.read_text()
    once = path.read_text()
    user_kubeconfig.merge(path, user_kubeconfig.build(STACK))
    assert path.read_text() == once


@given(st.lists(st.sampled_from(["a", "b", "staging"]), unique=True))
def test_a_cluster_is_there_once_and_the_others_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "config"
    own: dict[str, list[dict[str, Any]]] = {
        "clusters": [{"name": name, "cluster": {"server": name}} for name in names],
        "users": [{"name": name, "user": {}} for name in names],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in names],
    }
    path.write_text(yaml.safe_dump(own))
    user_kubeconfig.merge(path, user_kubeconfig.build(STACK))
    found = load(path)
    for kind in ("clusters", "users", "contexts"):
        assert sorted(each["name"] for each in found[kind]) == sorted({*names, "staging"})
        assert [each for each in found[kind] if each["name"] != "staging"] == [
            each for each in own[kind] if each["name"] != "staging"
        ]


def test_only_its_owner_may_read_it_and_a_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "real" / "config", tmp_path / "config"
    target.parent.mkdir()
    target.write_text(OWN)
    target.chmod(0o644)
    link.symlink_to(target)
    user_kubeconfig.merge(link, user_kubeconfig.build(STACK))
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["config"]
    new = tmp_path / "deep" / "er" / "config"
    user_kubeconfig.merge(new, user_kubeconfig.build(STACK))
    assert new.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["clusters: [", "just text", "clusters: {a: b}", "users: [a]", "- a"])
def test_what_is_no_kubeconfig_is_left_alone_and_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(FleetError, match=r"config is not (valid YAML|a kubeconfig)") as error:
        user_kubeconfig.merge(path, user_kubeconfig.build(STACK))
    assert "\n" not in str(error.value)
    assert path.read_text() == content


def test_a_file_that_cannot_be_replaced_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config"
    path.write_text(OWN)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FleetError, match="No space left on device"):
        user_kubeconfig.merge(path, user_kubeconfig.build(STACK))
    assert path.read_text() == OWN
    assert [each.name for each in tmp_path.iterdir()] == ["config"]


def test_kubectls_first_file_is_the_one_that_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}")
    assert user_kubeconfig.default_path() == tmp_path / "one"
    monkeypatch.delenv("KUBECONFIG")
    assert user_kubeconfig.default_path() == Path.home() / ".kube" / "config"


def test_its_plugin_runs_anywhere_and_gives_a_token(tmp_path: Path, account: process.Account) -> None:
    path = tmp_path / "config"
    (tmp_path / "outputs.json").write_text(json.dumps(OUTPUTS))
    arguments = ["kubeconfig", f"--outputs={tmp_path / 'outputs.json'}", f"--kubeconfig={path}", "--profile=mine"]
    subprocess.run([sys.executable, "-m", "bootstrap", *arguments], cwd=REPOSITORY, check=True, capture_output=True)
    (user,) = load(path)["users"]
    plugin = user["user"]["exec"]
    variables = {each["name"]: each["value"] for each in plugin["env"]}
    assert variables["AWS_PROFILE"] == "mine"
    del variables["AWS_PROFILE"]  # which this machine does not have
    done = subprocess.run(
        [plugin["command"], *plugin["args"]],
        cwd=tmp_path,
        env={**os.environ, **process.environment(account), world.SANDBOX_VARIABLE: str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["status"]["token"].startswith("k8s-aws-v1.")


def test_a_command_that_cannot_says_so_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", "kubeconfig", f"--outputs={tmp_path / 'nowhere'}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("bootstrap: ")
    assert len(done.stderr.splitlines()) == 1
