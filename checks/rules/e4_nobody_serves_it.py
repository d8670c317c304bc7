"""E4: nothing makes an object's kind known to the API server.

Neither the API server, nor a component of the bootstrap, nor a CRD among the manifests, nor a chart that is known:
the dry-run fails on every cluster ("no matches for kind … in version …").

Bad:
    # `flux bootstrap` is told to install no notification-controller
    kind: Alert

Good:
    # checks.yaml, and the bootstrap with it
    components: [source-controller, kustomize-controller, notification-controller]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import flux
from checks.charts import that_install
from checks.findings import Finding, Severity, Stage
from checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.model import Model

rule = Rule("E4", Stage.ORDER, Severity.ERROR)


def check(model: Model) -> Iterator[Finding]:
    """One finding for each such object."""
    for custom in model.flux.customs:
        if custom.providers:
            continue
        each = custom.object
        component = flux.component_of(custom.kind)
        charts = that_install(custom.kind)
        if component:
            remedy = f"add {component} to the components that `flux bootstrap` installs, and to checks.yaml"
        elif charts:
            remedy = f"install the chart {' or '.join(charts)}, with its CRDs, in a Kustomization before {each.owner}"
        else:
            remedy = "correct apiVersion and kind, or apply the CRD in a Kustomization before it"
        why = f'no matches for kind "{each.kind}" in version "{each.api_version}": nothing here installs its CRD'
        yield rule.at(each, "kind", why=why, remedy=remedy)
