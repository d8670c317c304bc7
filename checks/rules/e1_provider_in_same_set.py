"""E1: a custom resource stands in the Kustomization whose HelmRelease installs its CRD.

Flux dry-runs all that a Kustomization applies, CRDs, namespaces and classes aside, before it applies any of it. The
HelmRelease is never applied, so the CRD never comes: a deadlock on every new cluster, which a cluster that has the
CRD already hides ("no matches for kind … in version …").

Bad:
    # k8s/infrastructure/observability/pushgateway.yaml, beside the HelmRelease kube-prometheus-stack
    kind: ServiceMonitor

Good:
    # k8s/applications/observability/pushgateway-monitor.yaml, in a Kustomization that depends on infrastructure
    kind: ServiceMonitor
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E1", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such object."""
    for custom in model.flux.customs:
        each = custom.object
        releases = [provider.release for provider in custom.providers if provider.release]
        if not releases or any(p.release is None or p.owner != each.owner for p in custom.providers):
            continue
        release = releases[0]
        later = [other.name for other in model.tree.kustomizations if each.owner in model.flux.before(other.id)]
        such = f", such as {later[0]}" if later else ""
        yield rule.at(
            each,
            "kind",
            why=f'dry-run failed: no matches for kind "{each.kind}" in version "{each.api_version}": the HelmRelease '
            f"{release.id} installs its CRD, and {each.owner} applies that only after the dry-run",
            remedy=f"move {each.name}'s {each.kind} to a Kustomization that depends on the one that installs "
            f"{release.chart_name}{such}",
        )
