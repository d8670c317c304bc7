"""Each alert of `k8s/`, in Prometheus' own rule engine: series that fire it, and series that must not."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.k8s.test_tree import objects
from tools import build
from tools.catalogue import PROMTOOL

if TYPE_CHECKING:
    from pathlib import Path

KIND = 'customresource_kind="Kustomization"'
SELF = f'gotk_resource_info{{{KIND}, exported_namespace="flux-system", name="apps"'
TRUE, FALSE, UNKNOWN = (f'{SELF}, ready="{ready}"}}' for ready in ("True", "False", "Unknown"))
UNTOUCHED = f"{SELF}}}"
"""No controller has written a condition yet."""


def flipping(minutes: int) -> dict[str, str]:
    """Ten minutes False, ten minutes Unknown, as a Kustomization that is reconciled at each timeout."""
    tens = minutes // 20
    return {FALSE: " ".join(["1x9 _x10"] * tens), UNKNOWN: " ".join(["_x10 1x9"] * tens)}


Series = dict[str, str]

CASES: dict[str, tuple[dict[str, Series], dict[str, Series]]] = {
    "FluxObjectNotReady": (
        {
            "never ready": {FALSE: "1x60"},
            "flips between False and Unknown": flipping(60),
            "no controller has touched it": {UNTOUCHED: "1x60"},
        },
        {
            "ready": {TRUE: "1x60"},
            "slow, and then ready": {UNKNOWN: "1x19 _x40", TRUE: "_x20 1x40"},
            "not ready for a while, again and again": {
                FALSE: "1x15 _x5 1x15 _x5 1x15 _x5",
                TRUE: "_x16 1x4 _x16 1x4 _x16 1x4",
            },
        },
    ),
    "FluxMetricsMissing": (
        {"nothing is known": {}},
        {"something is known": {TRUE: "1x60"}, "a restart of kube-state-metrics": {TRUE: "1x20 _x15 1x25"}},
    ),
}
"""Alert → what it is named by and its series that fire it within 40 minutes, and those that never do in an hour."""


def rules() -> dict[str, Any]:
    """The groups of every PrometheusRule, as Prometheus reads them."""
    return {"groups": [group for each in objects("PrometheusRule") for group in each["spec"]["groups"]]}


def verdict(folder: Path, alert: str, series: Series, minutes: int) -> list[str]:
    """The alerts of a name that fire at a minute, as promtool prints them when none is expected."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules()))
    expected: dict[str, Any] = {"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": []}
    given = [{"series": name, "values": values} for name, values in series.items()]
    test: dict[str, Any] = {"interval": "1m", "input_series": given, "alert_rule_test": [expected]}
    (folder / "test.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]})
    )
    done = subprocess.run(
        [build.find(PROMTOOL, print), "test", "rules", "test.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"{done.stdout}{done.stderr}"
    assert ("SUCCESS" in said) == (done.returncode == 0), said
    return [line.strip() for line in said.splitlines() if "Labels:{" in line]


def test_every_alert_has_its_cases() -> None:
    assert {rule["alert"] for group in rules()["groups"] for rule in group["rules"]} == CASES.keys()


FIRES = [(alert, case) for alert, (fires, _) in CASES.items() for case in fires]
QUIET = [(alert, case) for alert, (_, quiet) in CASES.items() for case in quiet]


@pytest.mark.parametrize(("alert", "case"), FIRES)
def test_an_alert_fires(alert: str, case: str, tmp_path: Path) -> None:
    series = CASES[alert][0][case]
    assert verdict(tmp_path, alert, series, 19) == [], "before its time"
    (line,) = verdict(tmp_path, alert, series, 40)
    assert f'alertname="{alert}"' in line
    if series:
        assert 'name="apps"' in line


@pytest.mark.parametrize(("alert", "case"), QUIET)
def test_an_alert_stays_quiet(alert: str, case: str, tmp_path: Path) -> None:
    for minutes in (25, 40, 59):
        assert verdict(tmp_path, alert, CASES[alert][1][case], minutes) == []
