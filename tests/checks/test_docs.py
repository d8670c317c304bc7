"""docs/check-rules.md lists every rule, and docs/checks.md every stage, as they are."""

from __future__ import annotations

import re
from pathlib import Path

from checks.findings import Stage
from checks.rules import RULES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_every_rule_with_its_stage_severity_and_title() -> None:
    rows = re.findall(
        r"^\| ([A-Z]\d+) \| (\w+) \| (\w+) \| (.+) \|$", (DOCS / "check-rules.md").read_text(), re.MULTILINE
    )
    assert rows == [
        (
            rule.id,
            rule.stage.value,
            rule.severity.value,
            rule.explanation.splitlines()[0].removeprefix(f"{rule.id}: ").removesuffix("."),
        )
        for rule in RULES
    ]


def test_the_page_has_every_stage_in_order() -> None:
    stages = [stage.value for stage in Stage]
    page = (DOCS / "checks.md").read_text()
    assert [stage for stage in re.findall(r"^\| (\w+) \|", page, re.MULTILINE) if stage in stages] == stages


def test_every_rule_has_a_bad_and_a_good_example_that_differ() -> None:
    examples = {rule.id: re.search(r"\nBad:\n(.+?)\n\nGood:\n(.+)\Z", rule.explanation, re.DOTALL) for rule in RULES}
    assert [name for name, found in examples.items() if not found or found[1] == found[2]] == []
