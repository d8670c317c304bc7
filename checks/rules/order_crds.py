"""The stage order: custom resources, and who installs their CRDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from checks.charts import all_on, that_install
from checks.findings import Finding, Severity, Stage
from checks.flux import Step, applied, component_of, waits_for
from checks.manifests import at
from checks.rule import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.flux import Flux, Provider, Release
    from checks.model import Model


@rule("E1", Stage.ORDER, Severity.ERROR)
def provider_in_same_set(model: Model) -> Iterator[Finding]:
    """E1: a custom resource is in the Kustomization whose HelmRelease installs its CRD.

    Flux dry-runs all that a Kustomization applies, CRDs, namespaces and classes aside, before it applies any of it. The
    HelmRelease is never applied, so the CRD never comes: a deadlock on every new cluster, which a cluster that has the
    CRD already hides ("no matches for kind … in version …").

    Bad:
        # Kustomization infrastructure: path ./k8s/infrastructure
        # k8s/infrastructure/observability/kube-prometheus-stack.yaml
        kind: HelmRelease
        # k8s/infrastructure/observability/pushgateway.yaml
        kind: ServiceMonitor

    Good:
        # Kustomization applications: path ./k8s/applications, dependsOn: [{name: infrastructure}]
        # k8s/applications/observability/pushgateway-monitor.yaml
        kind: ServiceMonitor
    """
    for custom in model.flux.customs:
        each = custom.object
        releases = [provider.release for provider in custom.providers if provider.release]
        if not releases or any(p.release is None or p.owner != each.owner for p in custom.providers):
            continue
        release = releases[0]
        later = [other.name for other in model.tree.kustomizations if each.owner in model.flux.before(other.id)]
        such = f", such as {later[0]}" if later else ""
        yield provider_in_same_set.at(
            each,
            "kind",
            why=f'dry-run failed: no matches for kind "{each.kind}" in version "{each.api_version}": the HelmRelease '
            f"{release.id} installs its CRD, and {each.owner} applies that only after the dry-run",
            remedy=f"move {each.name}'s {each.kind} to a Kustomization that depends on the one that installs "
            f"{release.chart_name}{such}",
        )


@rule("E2", Stage.ORDER, Severity.ERROR)
def provider_waits_for_consumer(model: Model) -> Iterator[Finding]:
    """E2: whoever installs the CRD of a custom resource waits, in the end, for the Kustomization that needs it.

    The one cannot be applied without the CRD, the other not before the one is Ready, by dependsOn or for want of
    another CRD: both wait for ever.

    Bad:
        # infrastructure (installs kube-prometheus-stack): dependsOn: [{name: applications}]
        # applications: a ServiceMonitor

    Good:
        # applications: dependsOn: [{name: infrastructure}]
    """
    groups = {name: group for group in model.flux.stuck for name in group}
    for custom in model.flux.customs:
        each = custom.object
        owners = {provider.owner for provider in custom.providers}
        others = sorted(owners - {each.owner})
        if others and owners <= groups.get(each.owner, frozenset()):
            yield provider_waits_for_consumer.at(
                each,
                "kind",
                why=f"its CRD comes with the Kustomization {others[0]}, which waits for {each.owner}: never Ready",
                remedy=f"let {each.owner} depend on {others[0]}, and nothing of {others[0]} on {each.owner}",
            )


@rule("E4", Stage.ORDER, Severity.ERROR)
def nobody_serves_it(model: Model) -> Iterator[Finding]:
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
    for custom in model.flux.customs:
        if custom.providers:
            continue
        each = custom.object
        component = component_of(custom.kind)
        charts = that_install(custom.kind)
        if component:
            remedy = f"add {component} to the components that `flux bootstrap` installs, and to checks.yaml"
        elif charts:
            remedy = f"install the chart {' or '.join(charts)}, with its CRDs, in a Kustomization before {each.owner}"
        else:
            remedy = "correct apiVersion and kind, or apply the CRD in a Kustomization before it"
        why = f'no matches for kind "{each.kind}" in version "{each.api_version}": nothing here installs its CRD'
        yield nobody_serves_it.at(each, "kind", why=why, remedy=remedy)


@rule("E6", Stage.ORDER, Severity.ERROR)
def in_the_bootstraps_folder(model: Model) -> Iterator[Finding]:
    """E6: the folder that the bootstrap applies has a custom resource whose CRD is not Flux's own.

    `flux bootstrap` applies that folder itself, before any HelmRelease can have installed anything, and before the Git
    credentials are in the cluster: it fails, and so does the rebuild.

    Bad:
        # k8s/flux-system/flux-system/monitor.yaml
        kind: PodMonitor

    Good:
        # k8s/infrastructure-configs/monitor.yaml, in a Kustomization that depends on who installs the CRD
        kind: PodMonitor
    """
    folder, root = model.tree.config.bootstrap.folder, model.tree.bootstrap.id
    for custom in model.flux.customs:
        by_manifest = any(provider.owner == root and provider.release is None for provider in custom.providers)
        if custom.object.file.startswith(f"{folder}/") and not by_manifest:
            yield in_the_bootstraps_folder.at(
                custom.object,
                "kind",
                why=f"flux bootstrap applies {folder} before any other CRD is there: it fails",
                remedy="move it to a Kustomization that depends on the one that installs its CRD",
            )


@rule("E7", Stage.ORDER, Severity.WARNING)
def crd_not_waited_for(model: Model) -> Iterator[Finding]:
    """E7: a custom resource's CRD comes with another Kustomization, which is not waited for.

    It fails at first and is tried again each retryInterval until the other one is there: slow, noisy, and Ready by
    luck.

    Bad:
        # applications has a ServiceMonitor and no dependsOn

    Good:
        # applications
        dependsOn: [{name: infrastructure}]
    """
    stuck = {name for group in model.flux.stuck for name in group}
    for custom in model.flux.customs:
        each = custom.object
        owners = {provider.owner for provider in custom.providers}
        there = any(model.flux.is_there(each.owner, provider) for provider in custom.providers)
        waited_for = there or owners & model.flux.before(each.owner)
        if owners and not waited_for and each.owner not in stuck:
            other = min(owners - {each.owner})
            why = f"its CRD comes with the Kustomization {other}, which {each.owner} does not wait for"
            remedy = f"add {other.rpartition('/')[2]} to the dependsOn of {each.owner}"
            yield crd_not_waited_for.at(each, "kind", why=why, remedy=remedy)


@rule("E13", Stage.ORDER, Severity.ERROR)
def values_need_a_crd(model: Model) -> Iterator[Finding]:
    """E13: a HelmRelease's values make custom resources of another chart's CRD, and it does not wait for that chart.

    Helm installs nothing of a chart one of whose kinds the API server does not know ("no matches for kind"). If the
    CRD never comes, or only once this release is Ready, it never is: an error. Otherwise helm-controller tries again,
    ever less often, until the CRD is there: a warning.

    Bad:
        values:
          controller:
            metrics: {enabled: true, serviceMonitor: {enabled: true}}   # and no dependsOn

    Good:
        dependsOn:
          - {name: kube-prometheus-stack, namespace: observability}
    """
    for release in model.flux.releases:
        for foreign in release.chart.foreign if release.chart else ():
            there = model.tree.config.served
            missing = [kind for kind in foreign.kinds if kind not in release.crds and kind[0] not in there]
            if not missing or not all_on(foreign.switches, release.values):
                continue
            group, kind = missing[0]
            value = foreign.switches[-1].value
            providers = model.flux.providers(missing[0])
            why, severity = f"{value} makes a {kind} ({group})", Severity.ERROR
            if not providers:
                charts = " or ".join(that_install(missing[0])) or "a chart that brings its CRD"
                why, remedy = f"{why}, whose CRD nothing here installs", f"install {charts}, or switch it off"
            elif not any(_is_after(model.flux, release, provider) for provider in providers):
                maker = providers[0].release
                comes_with = f"the HelmRelease {maker.id}" if maker else f"the Kustomization {providers[0].owner}"
                if all(_waits_for(model.flux, provider, release) for provider in providers):
                    why = f"{why}, whose CRD comes with {comes_with}, which waits for it: never Ready"
                else:
                    why = f"{why}, whose CRD comes with {comes_with}, which it does not wait for"
                    severity = Severity.WARNING
                wait = f"add {maker.id} to its dependsOn" if maker else f"let {release.object.owner} depend on that"
                remedy = f"{wait}, or switch it off"
            else:
                continue
            where = (release.object, "spec", "values", *value.split("."))
            yield values_need_a_crd.at(*where, why=why, remedy=remedy, severity=severity)


def _is_after(flux: Flux, release: Release, provider: Provider) -> bool:
    """Whether a HelmRelease is installed once a CRD is there: it says so, or its Kustomization does."""
    owner, maker = release.object.owner, provider.release
    if maker is None:
        return flux.is_there(owner, provider) or provider.owner in flux.before(owner)
    is_waited_for = provider.owner in flux.before(owner) and waits_for(flux.kustomization(provider.owner), maker.object)
    return is_waited_for or maker.id in flux.releases_before(release.id)


def _waits_for(flux: Flux, provider: Provider, release: Release) -> bool:
    """Whether a CRD comes only once a HelmRelease is Ready."""
    maker = Step("HelmRelease", provider.release.id) if provider.release else applied(provider.owner)
    return nx.has_path(flux.steps, maker, Step("HelmRelease", release.id))


@rule("E21", Stage.ORDER, Severity.WARNING)
def crds_not_upgraded(model: Model) -> Iterator[Finding]:
    """E21: an upgrade of the chart does not upgrade its CRDs.

    Helm installs what lies in a chart's crds/ folder once and never touches it again, and so does Flux unless it is
    told otherwise: a newer chart then meets older CRDs, which drop the fields that they do not know.

    Bad:
        install: {crds: Create}

    Good:
        install: {crds: CreateReplace}
        upgrade: {crds: CreateReplace}
    """
    for release in model.flux.releases:
        installs = bool(release.crds) and release.crds_from_folder
        if installs and at(release.object.spec, "upgrade", "crds") != "CreateReplace":
            why = f"an upgrade of {release.chart_name} leaves its CRDs as they are"
            remedy = "set upgrade.crds: CreateReplace"
            yield crds_not_upgraded.at(release.object, "spec", "upgrade", why=why, remedy=remedy)


@rule("E22", Stage.ORDER, Severity.NOTE)
def unknown_chart(model: Model) -> Iterator[Finding]:
    """E22: what a chart brings along is not known, or was read at another version.

    CRDs, webhooks and others' custom resources come from a table that was read from the charts' own trees. Of a chart
    that is not in it nothing is known; of another version it may have changed. checks.yaml may name the version that
    was read since.

    Bad:
        chart: {spec: {chart: some-chart, version: 1.2.3}}

    Good:
        chart: {spec: {chart: kube-prometheus-stack, version: 88.5.3}}
    """
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
        yield unknown_chart.at(each, *path, why=why, remedy=remedy)
