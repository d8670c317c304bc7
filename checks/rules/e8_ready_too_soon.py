"""E8: the Kustomization that installs a CRD is Ready before its HelmRelease is.

Without `wait` or a health check it is Ready as soon as the HelmRelease object is applied. Who depends on it then runs
into a CRD that is not there yet, and fails until it is.

Bad:
    # infrastructure, which installs kube-prometheus-stack
    prune: true

Good:
    # infrastructure
    prune: true
    wait: true
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import flux
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E8", Stage.ORDER, Severity.WARNING)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each Kustomization that others count on."""
    found: dict[str, tuple[str, str]] = {}
    for custom in model.flux.customs:
        before = model.flux.before(custom.object.owner)
        for provider in custom.providers:
            if provider.owner in before and provider.release:
                owner = model.flux.kustomization(provider.owner)
                if not flux.waits_for(owner, provider.release.object):
                    found.setdefault(owner.id, (provider.release.id, custom.object.label))
    for name, (release, needs) in found.items():
        why = f"it is Ready before the HelmRelease {release} is, whose CRDs {needs} needs"
        yield rule.at(model.flux.kustomization(name).object, "spec", why=why, remedy="set wait: true")
