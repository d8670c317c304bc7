"""The command that prints where a tool is built."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from infra.contract import versions
from sandbox.engine.build import TOOLS, main
from sandbox.folder import REPOSITORY


def test_every_folder_of_tools_is_a_tool_that_can_be_built() -> None:
    assert {tool.folder.name: tool.name for tool in TOOLS.values()} == {name: name for name in TOOLS}
    assert TOOLS.keys() == {path.parent.name for path in REPOSITORY.glob("tools/*/go.mod")} == versions.GO_TOOLS.keys()


def test_the_path_of_a_tool_is_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["actionlint"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert os.access(path, os.X_OK)
    assert versions.ACTIONLINT in subprocess.check_output([path, "-version"], text=True)


@pytest.mark.parametrize("arguments", [[], ["terraform"], ["pulumi", "actionlint"]])
def test_what_is_no_tool_is_refused_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith("is no tool to build: name one of pulumi, actionlint\n")
    assert printed.err.count("\n") == 1
