"""E13: a HelmRelease's values make custom resources of another chart's CRD, and it does not wait for that chart.

Helm installs nothing of a chart one of whose kinds the API server does not know; whether the other chart is there by
then is a race, which a cold cluster loses.

Bad:
    values:
      controller:
        metrics: {enabled: true, serviceMonitor: {enabled: true}}   # and no dependsOn

Good:
    dependsOn:
      - {name: kube-prometheus-stack, namespace: observability}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.charts import all_on, that_install
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.flux import Release
    from checks.model import Model

rule = Rule("E13", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each value."""
    for release in model.flux.releases:
        for foreign in release.chart.foreign if release.chart else ():
            there = model.tree.config.served
            missing = [kind for kind in foreign.kinds if kind not in release.crds and kind[0] not in there]
            if not missing or not all_on(foreign.switches, release.values):
                continue
            group, kind = missing[0]
            value = foreign.switches[-1].value
            makers = [p.release for p in model.flux.providers(missing[0]) if p.release]
            why = f"{value} makes a {kind} ({group})"
            if not model.flux.providers(missing[0]):
                charts = " or ".join(that_install(missing[0])) or "a chart that brings its CRD"
                why, remedy = f"{why}, whose CRD nothing here installs", f"install {charts}, or switch it off"
            elif makers and not any(_is_after(model, release, maker) for maker in makers):
                why = f"{why}, whose CRD comes with the HelmRelease {makers[0].id}, which it does not wait for"
                remedy = f"add {makers[0].id} to its dependsOn, or switch it off"
            else:
                continue
            yield rule.at(release.object, "spec", "values", *value.split("."), why=why, remedy=remedy)


def _is_after(model: Model, release: Release, maker: Release) -> bool:
    """Whether a HelmRelease is installed after another: it says so, or its Kustomization does."""
    return maker.id in model.flux.releases_before(release.id) or maker.object.owner in model.flux.before(
        release.object.owner
    )
