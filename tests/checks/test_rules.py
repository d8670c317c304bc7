"""Each rule on a tree that it refuses, at the very lines, and on one that it has nothing to say to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from checks import binaries, explain, rules, tree
from checks.config import load
from checks.findings import Severity, Stage
from checks.model import Model
from checks.rule import rule as rule_of
from checks.rules import RULES
from checks.rules.order_crds import provider_in_same_set
from tests.checks import trees

FOLDER = Path(__file__).parent / "rules"
IDS = [rule.id for rule in RULES]


def cases(rule: str) -> dict[str, str]:
    """The trees of a rule's file: `== <bad or good>: <what it shows>` begins each."""
    parts = re.split(r"^== (.+)\n", (FOLDER / f"{rule}.txt").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


CASES = [pytest.param(rule, name, text, id=f"{rule} {name}") for rule in IDS for name, text in cases(rule).items()]


@pytest.mark.parametrize(("rule", "name", "text"), CASES)
def test_a_rule_finds_what_it_is_for_and_nothing_else(tmp_path: Path, rule: str, name: str, text: str) -> None:
    root = trees.write(tmp_path, text)
    model = Model(tree.build(tree.read(root, load(root)), binaries.kustomize()))
    # A good tree is one that no rule refuses; of a bad one only the rule in question is asked.
    asked = [each for each in RULES if name.startswith("good") or each.id == rule]
    found = [finding for each in asked for finding in each.check(model)]
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


def test_every_file_of_cases_is_a_rules() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(IDS)


def test_no_id_is_given_twice() -> None:
    with pytest.raises(ValueError, match="two rules have the id E1"):
        rule_of("E1", Stage.ORDER, Severity.ERROR)(lambda _: ())


def test_every_module_with_rules_is_imported() -> None:
    modules = {path.stem for path in Path(rules.__file__).parent.glob("*.py")} - {"__init__"}
    assert {rule.check.__module__.rpartition(".")[2] for rule in RULES} == modules


ERRORS = [(rule, name) for rule in IDS for name in cases(rule) if name.endswith("(error)")]
"""The cases that must fail a pull request: a warning about them would not be enough."""


@pytest.mark.parametrize(("rule", "name"), ERRORS)
def test_a_case_marked_as_an_error_is_one(tmp_path: Path, rule: str, name: str) -> None:
    root = trees.write(tmp_path, cases(rule)[name])
    model = Model(tree.build(tree.read(root, load(root)), binaries.kustomize()))
    (asked,) = [each for each in RULES if each.id == rule]
    assert {finding.severity for finding in asked.check(model)} == {Severity.ERROR}


def test_each_of_these_rules_has_a_case_marked_as_an_error() -> None:
    assert {rule for rule, _ in ERRORS} >= {
        *("B6", "B8", "K5", "E3", "E23", "E24", "E25", "E26"),
        *("E17", "E18"),
    }


MISPLACED = [name for name in cases("E1") if name.startswith("bad: a ")]
"""One case for each kind of object that is often applied before its CRD."""


@pytest.mark.parametrize("name", MISPLACED)
def test_a_misplaced_object_is_told_where_to_move(tmp_path: Path, name: str) -> None:
    root = trees.write(tmp_path, cases("E1")[name])
    model = Model(tree.build(tree.read(root, load(root)), binaries.kustomize()))
    (finding,) = provider_in_same_set.check(model)
    kind, chart = finding.object.split()[0], yaml.safe_load((root / "k8s/infrastructure/release.yaml").read_text())
    assert finding.remedy == (
        f"move pushgateway's {kind} to a Kustomization that depends on the one that installs "
        f"{chart['spec']['chart']['spec']['chart']}, such as applications"
    )
    assert f'no matches for kind "{kind}" in version' in finding.why


def test_every_kind_that_is_often_misplaced_has_a_case() -> None:
    kinds = {name.split()[2] for name in MISPLACED}
    assert kinds == {
        *("ServiceMonitor", "PodMonitor", "PrometheusRule", "Certificate", "ClusterIssuer", "Canary", "MetricTemplate")
    }
