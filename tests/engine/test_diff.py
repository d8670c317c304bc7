"""`fleet diff` on commits made here, by the real engine: the report, and that `up` then does what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine import diffs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from delivery.report import Report

pytestmark = [pytest.mark.engine, pytest.mark.night]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[diffs.Clone]:
    with diffs.clone(tmp_path_factory.mktemp("diff")) as made:
        yield made


def steps(report: Report) -> dict[str, str]:
    """What a report says of each resource of AWS's: label → action."""
    return {each.label: each.action for each in report.plan.changed}


@pytest.mark.parametrize("name", diffs.SCENARIOS)
def test_the_report_is_the_expected_one_and_up_does_what_it_says(clone: diffs.Clone, name: str) -> None:
    scenario = diffs.SCENARIOS[name]
    found = clone.range_of(scenario)

    reports = clone.reports(found)

    assert diffs.text_of(reports, found) == diffs.page(name).read_text("utf-8")
    if scenario.is_applied:
        assert found.head
        staging = next(report for report in reports if report.stack == "staging")
        assert clone.apply(found.head, scenario.config) == steps(staging)
        if scenario.is_undone:
            clone.apply(found.base, {})
