"""E16: a chart's version is not exact.

With a range each rebuild may install another version that nobody reviewed, and the same commit is not the same
cluster.

Bad:
    chart: {spec: {chart: cert-manager, version: v1.x}}

Good:
    chart: {spec: {chart: cert-manager, version: v1.21.1}}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.manifests import at
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.flux import Release
    from checks.model import Model

rule = Rule("E16", Stage.ORDER, Severity.ERROR)

EXACT = re.compile(r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
"""Source: Semantic Versioning 2.0.0."""


def check(model: Model) -> Iterator[Finding]:
    """One finding for each HelmRelease whose chart has no exact version."""
    for release in model.flux.releases:
        if release.chart_name and not _is_exact(release):
            asked = f"version {release.version}" if release.version else "no version"
            why = f"{asked} of {release.chart_name} is asked for: each rebuild may install another"
            each, path = release.version_at
            yield rule.at(each, *path, why=why, remedy="name one version, such as 1.2.3")


def _is_exact(release: Release) -> bool:
    """Whether one chart is meant: by version or digest, or because it lies in Git, where Flux reads no version."""
    each, _ = release.version_at
    source = at(each.spec, "chart", "spec", "sourceRef", "kind")
    is_digest = each.kind == "OCIRepository" and bool(at(each.spec, "ref", "digest"))
    return is_digest or source in {"GitRepository", "Bucket"} or bool(EXACT.fullmatch(release.version))
