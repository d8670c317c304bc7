"""Each rule on a tree that it refuses, at the very lines, and on one that it has nothing to say to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks import binaries, explain, tree
from checks.config import load
from checks.findings import Severity
from checks.rules import RULES
from tests.checks import trees

FOLDER = Path(__file__).parent / "rules"
IDS = [module.rule.id for module in RULES]


def cases(rule: str) -> dict[str, str]:
    """The trees of a rule's file: `== <bad or good>: <what it shows>` begins each."""
    parts = re.split(r"^== (.+)\n", (FOLDER / f"{rule}.txt").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


CASES = [pytest.param(rule, name, text, id=f"{rule} {name}") for rule in IDS for name, text in cases(rule).items()]


@pytest.mark.parametrize(("rule", "name", "text"), CASES)
def test_a_rule_finds_what_it_is_for_and_nothing_else(tmp_path: Path, rule: str, name: str, text: str) -> None:
    root = trees.write(tmp_path, text)
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    # A good tree is one that no rule refuses; of a bad one only the rule in question is asked.
    asked = [module for module in RULES if name.startswith("good") or module.rule.id == rule]
    found = [finding for module in asked for finding in module.check(model)]
    own = [finding for finding in found if finding.rule == rule]
    assert sorted((finding.place.file, finding.place.line) for finding in own) == trees.marks(text, rule)
    assert bool(own) == name.startswith("bad")
    if name.startswith("good"):
        assert [finding for finding in found if finding.severity is Severity.ERROR] == []
    for sentence in (part for finding in own for part in (finding.why, finding.remedy, finding.object)):
        assert sentence
        assert "\n" not in sentence
        assert not sentence.endswith(".")


@pytest.mark.parametrize("rule", IDS)
def test_a_rule_is_tried_both_ways_and_explained(rule: str) -> None:
    kinds = {name.partition(":")[0] for name in cases(rule)}
    assert kinds == {"bad", "good"}
    text = explain.text(rule)
    assert text.startswith(f"{rule}: ")
    assert "\nBad:\n" in text
    assert "\nGood:\n" in text


def test_every_file_of_cases_is_a_rules_and_no_id_is_given_twice() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(IDS)
    assert len(IDS) == len(set(IDS))
