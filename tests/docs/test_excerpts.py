"""Output that a page shows is what the command prints, and each excerpt is held by a test."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from fleet import app as apps
from infra.contract import prices, versions
from permanent.settings import BUDGET_DAILY_USD_A_CLUSTER
from tests.support.checkout import REPOSITORY
from tests.support.excerpts import excerpt, excerpts, missing
from tests.support.pages import FENCE, PAGES, name_of, rows

if TYPE_CHECKING:
    from pathlib import Path

README = (REPOSITORY / "README.md").read_text()
OWN_TESTS = ("docs/acceptance.md", "docs/rehearse.md", "docs/timeline.md", "docs/upgrade.md")
"""Pages whose excerpts a test of the same command compares as a whole."""

LANGUAGES = {"console", "diff", "mermaid", "python", "sh", "yaml"}
OPENING = re.compile(r"^ *```(\S*)\n(?:(?! *```).*\n)* *```$", re.MULTILINE)
INDENTED = re.compile(r"\n\n {4}\S")

NEEDED = ("k8s", "policies", "checks.yaml", "bootstrap.yaml")
"""What `fleet check` reads of the repository."""


def printed(*words: str) -> str:
    """What a command prints on standard output."""
    return CliRunner().invoke(apps.app, list(words)).stdout


def test_every_excerpt_is_compared_by_a_test() -> None:
    shown = [(name_of(page), command) for page in PAGES for command, _ in excerpts(page.read_text())]
    tests = "\n".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    compared = set(re.findall(r"\bexcerpt\(\"([^\"]+)\"\)", tests))
    assert len(shown) >= 5
    assert [each for each in shown if each[1] not in compared and each[0] not in OWN_TESTS] == []


def test_no_output_stands_in_a_block_that_no_test_knows() -> None:
    pages = {name_of(page): page.read_text() for page in PAGES if name_of(page) not in (*OWN_TESTS, "CONTRIBUTING.md")}
    assert {name: found for name, text in pages.items() if (found := set(OPENING.findall(text)) - LANGUAGES)} == {}
    assert [name for name, text in pages.items() if INDENTED.search(FENCE.sub("", text))] == []


def test_the_cost_is_what_fleet_cost_prints() -> None:
    assert missing(excerpt(".venv/bin/fleet cost"), printed("cost", "-C", str(REPOSITORY))) == []


def test_a_kept_night_is_what_fleet_teardown_keep_prints() -> None:
    time = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{8}Z")
    (shown,) = excerpt(".venv/bin/fleet teardown keep --hours 12")
    assert time.sub("TIME", shown) == time.sub("TIME", printed("teardown", "keep", "--hours", "12")).strip()
    assert "TIME" not in shown


def test_the_line_of_a_diff_is_the_one_of_the_report_that_the_engine_made() -> None:
    report = (REPOSITORY / "tests" / "engine" / "diffs" / "nat-strategy.md").read_text()
    (line,) = re.findall(r"^### Diff of <code>(.*)</code> at <code>HEAD-COMMIT</code>(: .*)$", report, re.MULTILINE)
    assert excerpt(".venv/bin/fleet diff") == ["...", "".join(line).replace("&#36;", "$")]


def test_a_finding_of_the_checks_is_what_fleet_check_prints(tmp_path: Path) -> None:
    for name in NEEDED:
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    early = tmp_path / "k8s" / "infrastructure" / "observability"
    (tmp_path / "k8s/applications/observability/pushgateway-monitor.yaml").rename(early / "monitor.yaml")
    with (early / "kustomization.yaml").open("a") as file:
        file.write("  - monitor.yaml\n")
    (tmp_path / "k8s/applications/observability/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n"
    )
    assert missing(excerpt(".venv/bin/fleet check"), printed("check", str(tmp_path))) == []


def test_the_readme_s_dollars_are_those_of_fleet_cost_and_of_the_key() -> None:
    cost = json.loads(printed("cost", "--json", "-C", str(REPOSITORY)))
    hour, (weekdays, always) = cost["hour"]["after"], [month["after"] for month in cost["months"]]
    said = (
        f"**${hour:.2f} an hour while it is up: ${weekdays:.0f} a month for 12 hours each weekday, "
        f"instead of ${always:.0f} around the clock**, and ${prices.KMS_KEY_MONTH:.0f} a month"
    )
    assert "Mon-Fri 08-20" in cost["months"][0]["of"]
    assert said in README.replace("\n", " ")


def test_the_dollars_of_the_page_of_costs_are_the_contracts() -> None:
    page = (REPOSITORY / "docs" / "cost.md").read_text()
    hour = json.loads(printed("cost", "--json", "-C", str(REPOSITORY)))["hour"]["after"]
    extended = prices.EKS_CLUSTER_EXTENDED_SUPPORT_HOUR
    for said in (
        f"{extended:.2f} an hour for the cluster instead of {prices.EKS_CLUSTER_HOUR:.2f}",
        f"about {round(prices.LOAD_BALANCER_HOUR * prices.HOURS_A_MONTH, -1):.0f} a month if it is always up",
        f"12 hours | about {12 * hour:.0f} |",
        f"always up: about {round(hour * prices.HOURS_A_MONTH, -1):.0f} a month",
        f"| {prices.GP3_GB_MONTH} a GiB and month",
        f"| {prices.KMS_KEY_MONTH:.0f} a month for the KMS key",
        f"The default is {BUDGET_DAILY_USD_A_CLUSTER} dollars per cluster",
    ):
        assert said in page


def test_the_readme_s_number_of_resources_is_that_of_the_preview() -> None:
    (number,) = re.findall(r"\+ (\d+) to create", "\n".join(excerpt("make preview")))
    assert f"{number} resources to create" in README


def test_the_pages_name_the_pinned_versions() -> None:
    reality = (REPOSITORY / "docs" / "reality.md").read_text()
    locked = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]["sandbox"]
    (moto,) = [each.partition("==")[2] for each in locked if each.startswith("moto[")]
    minor = versions.PULUMI.rsplit(".", 1)[0]
    for page in (README, (REPOSITORY / "docs" / "day-zero.md").read_text()):
        assert f"(≥ {minor}, < 4)" in page
    assert f"Go (≥ {versions.GO})" in README
    assert f"v{versions.PULUMI}" in reality
    assert f"{moto} and an overlay" in reality


def test_seven_things_to_do_and_six_lines_of_what_is_real() -> None:
    assert len(rows(README, "What do you want to do?")) == 7
    section = README.partition("## What is real and what is not\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^- ", section, re.MULTILINE)) == 6


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [
        (["one", "two"], []),
        (["one", "...", "three"], []),
        (["one", "three"], ["three"]),
        (["two", "one"], ["one"]),
        (["four"], ["four"]),
    ],
)
def test_what_a_command_does_not_print_is_seen(shown: list[str], wrong: list[str]) -> None:
    assert missing(shown, "one \ntwo\nthree\n") == wrong
