"""E21: an upgrade of the chart does not upgrade its CRDs.

Helm installs what lies in a chart's crds/ folder once and never touches it again, and so does Flux unless it is told
otherwise: a newer chart then meets older CRDs, which drop the fields that they do not know.

Bad:
    install: {crds: Create}

Good:
    install: {crds: CreateReplace}
    upgrade: {crds: CreateReplace}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.manifests import at
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E21", Stage.ORDER, Severity.WARNING)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each HelmRelease that installs CRDs from its chart's folder."""
    for release in model.flux.releases:
        installs = bool(release.crds) and release.crds_from_folder
        if installs and at(release.object.spec, "upgrade", "crds") != "CreateReplace":
            why = f"an upgrade of {release.chart_name} leaves its CRDs as they are"
            yield rule.at(release.object, "spec", "upgrade", why=why, remedy="set upgrade.crds: CreateReplace")
