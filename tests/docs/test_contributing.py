"""CONTRIBUTING.md covers every package, and the hooks of pre-commit run what the environment has."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import yaml

from tests.support.checkout import REPOSITORY
from tests.support.pages import QUOTED, files, rows

PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text()
MAKEFILE = (REPOSITORY / "Makefile").read_text()
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
HOOKS: list[dict[str, Any]] = [
    {**hook, "repo": entry["repo"]}
    for entry in yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in entry["hooks"]
]


def test_the_page_says_which_test_to_run_first_for_every_package() -> None:
    named = {folder.rstrip("/") for cells in rows(PAGE, "Run tests") for folder in QUOTED.findall(cells[0])}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) <= named


def test_the_page_names_the_requirements_that_a_target_installs() -> None:
    named = set(re.findall(r"requirements/\w+\.txt", PAGE))
    assert named == set(re.findall(r"^\.venv/\.\w+: (requirements/\w+\.txt)", MAKEFILE, re.MULTILINE))


def test_every_hook_runs_a_program_of_the_environment_or_a_target_and_downloads_nothing() -> None:
    locked = (REPOSITORY / "requirements" / "dev.txt").read_text()
    for hook in HOOKS:
        assert (hook["repo"], hook["language"]) == ("local", "system"), hook["id"]
        program, first, *_ = [*hook["entry"].split(), ""]
        if program == "make":
            assert re.search(rf"^{first}:", MAKEFILE, re.MULTILINE), hook["id"]
        else:
            name = {"lint-imports": "import-linter"}.get(program.removeprefix(".venv/bin/"), program[10:])
            assert name in PROJECT["project"]["scripts"] or re.search(rf"^{name}==", locked, re.MULTILINE), hook["id"]


def test_every_hook_looks_at_files_that_exist() -> None:
    for hook in HOOKS:
        if "files" in hook:
            assert any(re.search(hook["files"], name) for name in files()), hook["id"]
