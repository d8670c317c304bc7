"""docs/architecture.md shows the imports as they are; docs/what-decides-what.md names files and names that exist."""

from __future__ import annotations

import ast
import re
import tomllib
from itertools import product

import pytest

from fleet.groups import GROUPS
from tests.support.checkout import REPOSITORY
from tests.support.pages import QUOTED, rows

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text()
PROGRAM = "main"
"""The graph's name for __main__.py."""

PACKAGES: list[str] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"][
    "root_packages"
]
DECIDES = rows((REPOSITORY / "docs" / "what-decides-what.md").read_text(), "What decides what")

ARROW = re.compile(r"^ *(?P<tails>[\w &]+?) (?P<arrow>-->|-\.->) (?P<heads>[\w &]+)$", re.MULTILINE)
LABEL = re.compile(r"\[.*?\]")

Edge = tuple[str, str]


def shown(page: str, arrow: str) -> set[Edge]:
    """The edges of one kind of arrow in the page's graph."""
    (graph,) = re.findall(r"^```mermaid\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    found = [match for match in ARROW.finditer(LABEL.sub("", graph)) if match["arrow"] == arrow]
    return {edge for match in found for edge in product(match["tails"].split(" & "), match["heads"].split(" & "))}


def modules(source: str) -> set[str]:
    """The modules that a source imports, those for types alone included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return found


def imported() -> set[Edge]:
    """Which package imports which."""
    sources = [(package, path) for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]
    sources.append((PROGRAM, REPOSITORY / "__main__.py"))
    heads = {(package, module.partition(".")[0]) for package, path in sources for module in modules(path.read_text())}
    return {(tail, head) for tail, head in heads if head in PACKAGES and tail != head}


def test_the_graph_shows_every_import_between_packages_and_no_other() -> None:
    assert shown(PAGE, "-->") == imported()


def test_the_dotted_arrows_are_the_groups_that_fleet_loads_by_name() -> None:
    assert shown(PAGE, "-.->") == {("fleet", group.module.partition(".")[0]) for group in GROUPS}


def test_every_package_has_its_row() -> None:
    assert sorted(cells[0] for cells in rows(PAGE, "Packages")) == sorted(f"`{package}`" for package in PACKAGES)


def test_the_table_of_what_decides_what_has_twenty_rows_or_more() -> None:
    assert len(DECIDES) >= 20
    assert len({cells[0] for cells in DECIDES}) == len(DECIDES)


@pytest.mark.parametrize("cells", DECIDES, ids=lambda cells: cells[0])
def test_what_decides_a_behaviour_is_a_file_that_has_the_name_to_look_for(cells: list[str]) -> None:
    _behaviour, file, name = cells
    (path,), (words,) = QUOTED.findall(file), QUOTED.findall(name)
    assert (REPOSITORY / path).is_file()
    assert re.search(rf"(?<!\w){re.escape(words)}(?!\w)", (REPOSITORY / path).read_text())


def test_an_edge_that_is_missing_or_made_up_is_seen() -> None:
    page = PAGE.replace("    tools --> common\n", "    tools --> common & infra\n")
    assert shown(page, "-->") - imported() == {("tools", "infra")}
    page = PAGE.replace("    tools --> common\n", "")
    assert imported() - shown(page, "-->") == {("tools", "common")}
