"""E20: a chart's admission webhook may refuse objects that do not wait for the chart.

Once the webhook's configuration is in the cluster, the API server makes no such object until the webhook's pods
answer; Flux's dry-runs and other charts' installs fail in between, and whenever those pods are down.

Bad:
    # aws-load-balancer-controller with its Service webhook on, and charts with Services beside it, without dependsOn

Good:
    values:
      enableServiceMutatorWebhook: false
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.charts import all_on
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.charts import Webhook
    from checks.flux import Release
    from checks.model import Model

rule = Rule("E20", Stage.ORDER, Severity.WARNING)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each HelmRelease and webhook that others may run into."""
    for release in model.flux.releases:
        for webhook in release.chart.webhooks if release.chart else ():
            victims = _victims(model, release, webhook)
            if victims and all_on(webhook.switches, release.values):
                more = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
                off = [f"set {each.value}: {'false' if each.on else 'true'}, or " for each in webhook.switches[:1]]
                yield rule.at(
                    release.object,
                    "spec",
                    "chart",
                    why=f"its webhook {webhook.name} may fail {victims[0]}{more}, which do not wait for it",
                    remedy=f"{''.join(off)}let them depend on {release.id}",
                )


def _victims(model: Model, release: Release, webhook: Webhook) -> list[str]:
    """What the webhook sees before its chart is there: objects, and charts, nearly all of which have Services."""
    own = {kind for kind in webhook.kinds if kind in release.crds}
    watched = set(webhook.kinds) - own
    objects = [
        each.label
        for each in model.tree.objects
        if (each.group, each.kind) in watched
        and each.owner != model.tree.bootstrap.id
        and not _is_after(model, release, each.owner)
    ]
    charts = [
        other.object.label
        for other in model.flux.releases
        if ("", "Service") in watched
        and other is not release
        and release.id not in model.flux.releases_before(other.id)
        and not _is_after(model, release, other.object.owner)
    ]
    return objects + charts


def _is_after(model: Model, release: Release, owner: str) -> bool:
    return release.object.owner in model.flux.before(owner)
