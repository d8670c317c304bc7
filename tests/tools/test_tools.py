"""The command that prints where a tool is built."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fleet.app import app
from infra.contract import versions
from tests.support.engine import path_with
from tools.build import ensure, find
from tools.catalogue import FOLDER, TOOLS


def test_every_folder_of_tools_is_a_tool_that_can_be_built() -> None:
    modules = {tool.folder.name: tool.module for tool in TOOLS.values()}
    assert modules == {folder: module for folder, (module, _version) in versions.GO_TOOLS.items()}
    assert modules.keys() == {path.parent.name for path in FOLDER.glob("*/go.mod")}


def test_the_path_of_a_tool_is_printed_alone() -> None:
    done = CliRunner().invoke(app, ["tools", "actionlint"])
    assert done.exit_code == 0, done.output
    path = Path(done.stdout.strip())
    assert os.access(path, os.X_OK)
    assert versions.ACTIONLINT in subprocess.check_output([path, "-version"], text=True)


@pytest.mark.parametrize(
    "name", ["actionlint", "kustomize", "kubeconform", pytest.param("kyverno", marks=pytest.mark.long)]
)
def test_a_built_tool_put_on_path_tells_the_pinned_version(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ensure(TOOLS[name], print)
    monkeypatch.setenv("PATH", path_with(path.parent))
    said: list[str] = []

    assert find(TOOLS[name], said.append) == path
    assert said == [f"{name} {TOOLS[name].version}, from {path}"]


def test_what_is_no_tool_is_refused_in_one_line() -> None:
    done = CliRunner().invoke(app, ["tools", "terraform"])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == f"tools: unknown tool terraform: use one of {', '.join(TOOLS)}\n"
