"""What is judged without a call: sizes, families of instances, and what AWS does not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

import infra.settings
from permanent.preflight import quotas
from permanent.preflight.facts import StackFacts, Support, Zone
from permanent.preflight.judge import StackJudge, zone_problem
from permanent.preflight.verdict import Line, Report, Unknown, Verdict, bad, good, unknown

NO = Unknown("nobody asked")
SILENT = StackFacts(
    people={},
    zones=NO,
    offered=NO,
    vcpus=NO,
    addons={},
    support=NO,
    limits=dict.fromkeys((*quotas.REGIONAL, quotas.NAT_GATEWAYS), NO),
    used=dict.fromkeys(quotas.REGIONAL, NO),
    nat_gateways=NO,
)


def settings(**config: object) -> infra.settings.Settings:
    return infra.settings.parse({"accountId": "123456789012", **config}, "staging")


def lines(facts: StackFacts, **config: object) -> tuple[Line, ...]:
    return tuple(StackJudge("staging", settings(**config), facts, date(2026, 12, 1)).lines())


def test_where_aws_says_nothing_every_line_is_unknown_and_says_why() -> None:
    found = lines(SILENT)
    assert {line.verdict for line in found} == {Verdict.UNKNOWN}
    assert {line.says for line in found} == {"nobody asked"}


def test_the_largest_size_and_the_surge_of_an_update_count_by_capacity_type() -> None:
    groups = {
        "default": {"maxSize": 3},
        "steady": {"capacityType": "ON_DEMAND", "maxSize": 5, "instanceTypes": ["m5.xlarge", "m6i.xlarge"]},
    }
    vcpus = {
        "t3.large": 2,
        "t3a.large": 2,
        "m6i.large": 2,
        "m5.large": 2,
        "m5.xlarge": 4,
        "m6i.xlarge": 4,
        "t4g.nano": 2,
    }
    zones = [f"eu-west-2{letter}" for letter in "abc"]
    needed = quotas.needs(settings(nodeGroups=groups, zones=zones, natStrategy="per-zone", jumpBox=True), vcpus)
    assert needed[quotas.SPOT] == (3 + 2 * 3) * 2
    assert needed[quotas.ON_DEMAND] == (5 + 2 * 3) * 4 + 2
    assert (needed[quotas.ADDRESSES], needed[quotas.VPCS], needed[quotas.INTERNET_GATEWAYS]) == (3, 1, 1)


@pytest.mark.parametrize(
    ("kind", "standard"),
    [("t3.large", True), ("im4gn.large", True), ("z1d.large", True), ("g5.xlarge", False), ("inf2.xlarge", False)],
)
def test_a_family_with_a_quota_of_its_own_is_told_apart(kind: str, *, standard: bool) -> None:
    assert quotas.is_standard(kind) is standard


def test_a_family_with_a_quota_of_its_own_is_unknown() -> None:
    found = lines(SILENT, nodeGroups={"default": {"instanceTypes": ["g5.xlarge"]}})
    assert any("g5.xlarge: not of a standard family" in line.says for line in found)


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        (None, "the account has no such zone"),
        (Zone("cac1-az3", "available"), "EKS takes no subnet in cac1-az3"),
        (Zone("euw2-az1", "impaired"), "is impaired"),
        (Zone("euw2-az1", "available"), ""),
    ],
)
def test_a_zone_must_be_there_available_and_taken_by_eks(zone: Zone | None, problem: str) -> None:
    assert zone_problem(zone) == problem


def test_a_version_in_extended_support_is_bad_before_its_date_too() -> None:
    facts = replace(SILENT, support=Support("EXTENDED_SUPPORT", date(2027, 8, 2)))
    (line,) = (line for line in lines(facts) if line.subject.endswith("Kubernetes"))
    assert line.verdict is Verdict.BAD
    facts = replace(SILENT, support=None)
    assert any(line.says == "EKS does not offer 1.36" for line in lines(facts))


def test_a_report_has_its_worst_verdict_and_counts() -> None:
    report = Report((good("a", "x"), unknown("b", "y"), bad("c", "z", "do it")))
    assert report.json["verdict"] == "bad"
    assert str(report.conclusion) == "✗ 1 good, 1 bad, 1 unknown: fix what is bad before you build"
    assert [str(line) for line in report.lines[2].shown] == ["✗ bad: c: z", "→ do it"]
    report = Report(report.lines[:2])
    assert report.json["verdict"] == "unknown"
    assert str(report.conclusion).startswith("✓ 1 good, 0 bad, 1 unknown")
