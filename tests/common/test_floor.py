"""The floor has these modules and no others: what one command alone needs lies with it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = {
    *("alarm", "aws", "console", "errors", "github", "kubernetes"),
    *("pulumi", "semver", "summary", "target", "text", "timing", "world"),
}
PACKAGES = ("bootstrap", "checks", "delivery", "permanent", "sandbox", "teardown", "tools")


def test_the_floor_is_no_attic() -> None:
    found = {path.stem for path in (REPOSITORY / "common").iterdir() if not path.name.startswith("__")}
    assert found == MODULES


def test_each_module_of_it_has_more_than_one_user() -> None:
    users: dict[str, set[str]] = {module: set() for module in MODULES}
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            for module in imported(ast.parse(path.read_text())):
                users[module].add(package)
    assert {module: found for module, found in users.items() if len(found) < 2} == {}


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules of the floor that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "common":
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("common."):
            yield str(node.module).split(".")[1]
