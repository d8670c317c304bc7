"""`pip install -e .` works without an index: the build backend is of the first lock, and packages are listed."""

from __future__ import annotations

import tomllib
from typing import Any

from tests.support.checkout import REPOSITORY

PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def test_the_build_backend_is_the_one_that_the_first_lock_pins_with_its_hashes() -> None:
    (backend,) = PROJECT["build-system"]["requires"]
    assert PROJECT["dependency-groups"]["build"] == [backend]
    for lock in ("requirements.txt", "requirements/checks.txt"):
        assert f"{backend} \\\n    --hash=sha256:" in (REPOSITORY / lock).read_text(), lock


def test_every_package_is_listed_and_held_to_the_import_contracts() -> None:
    found = sorted(path.parent.name for path in REPOSITORY.glob("*/__init__.py") if path.parent.name != "tests")
    assert PROJECT["tool"]["setuptools"]["packages"] == found
    assert PROJECT["tool"]["importlinter"]["root_packages"] == found
    assert "ignore_imports" not in (REPOSITORY / "pyproject.toml").read_text()


def test_what_the_build_leaves_is_not_in_git() -> None:
    ignored = (REPOSITORY / ".gitignore").read_text().splitlines()
    assert {"build/", "*.egg-info/"} <= set(ignored)
