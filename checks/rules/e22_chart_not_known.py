"""E22: what a chart brings along is not known, or was read at another version.

CRDs, webhooks and others' custom resources come from a table that was read from the charts' own trees. Of a chart
that is not in it nothing is known; of another version it may have changed. checks.yaml may name the version that was
read since.

Bad:
    chart: {spec: {chart: some-chart, version: 1.2.3}}

Good:
    chart: {spec: {chart: kube-prometheus-stack, version: 88.5.3}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E22", Stage.ORDER, Severity.NOTE)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such HelmRelease."""
    for release in model.flux.releases:
        read_at = model.tree.config.charts.get(release.chart_name) or (release.chart.read_at if release.chart else None)
        name = release.chart_name or "its chart"
        if read_at is None:
            why, remedy = f"what {name} brings along is not known", "look for CRDs and webhooks in it yourself"
        elif read_at.removeprefix("v") != release.version.removeprefix("v"):
            why = f"{name} was read at {read_at}, and {release.version or 'no version'} is asked for"
            remedy = "read what changed in its CRDs and webhooks, then set its version in the charts of checks.yaml"
        else:
            continue
        each, path = release.version_at
        yield rule.at(each, *path, why=why, remedy=remedy)
