"""The stage order: custom resources, and who installs their CRDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from checks.charts import all_on
from checks.config import OwnChart
from checks.entry import GOTK_COMPONENTS, GOTK_SYNC
from checks.findings import Finding, Severity, Stage
from checks.flux import Step, applied, component_of, is_built_in, waits_for
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

    It is a warning where something may bring the CRD first: `served` in checks.yaml, a helmfile or script of the
    repository that installs things outside of Flux, or another source; and where only the chart's name says that it
    brings the CRD.
    It is a note where a remote base was not seen.

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
    yield from _by_name(model)
    for custom in model.flux.customs:
        each = custom.object
        releases = [provider.release for provider in custom.providers if provider.release]
        if not releases or any(p.release is None or p.owner != each.owner for p in custom.providers):
            continue
        release = releases[0]
        later = [other.name for other in model.tree.kustomizations if each.owner in model.flux.before(other.id)]
        such = f", such as {later[0]}" if later else ""
        assumed = model.flux.assumed(custom)
        yield provider_in_same_set.at(
            each,
            "kind",
            why=f'dry-run failed: no matches for kind "{each.kind}" in version "{each.api_version}": the HelmRelease '
            f"{release.id} installs its CRD, and {each.owner} applies that only after the dry-run{_but(assumed)}",
            remedy=f"move {each.name}'s {each.kind} to a Kustomization that depends on the one that installs "
            f"{release.chart_name}{such}",
            severity=_severity(model, assumed),
        )


def _by_name(model: Model) -> Iterator[Finding]:
    """The custom resources next to a HelmRelease whose chart brings their CRD, as far as its name says."""
    for each in model.tree.objects:
        kind = (each.group, each.kind)
        if is_built_in(each.group) or component_of(kind) or model.flux.providers(kind):
            continue
        releases = model.flux.suggested(each.group)
        if releases and all(release.object.owner == each.owner for release in releases):
            release = releases[0]
            yield provider_in_same_set.at(
                each,
                "kind",
                why=f'no matches for kind "{each.kind}" in version "{each.api_version}" on a new cluster, if the chart '
                f"{release.chart_name} of the HelmRelease {release.id} brings its CRD, as its name suggests: "
                f"{each.owner} applies that only after the dry-run",
                remedy=f"move it to a Kustomization that depends on the one that installs {release.chart_name}, or "
                f"say in the charts of checks.yaml what {release.chart_name} brings",
                severity=Severity.NOTE if model.tree.remotes else Severity.WARNING,
            )


def _but(assumed: str) -> str:
    return f"; {assumed}" if assumed else ""


def _severity(model: Model, assumed: str) -> Severity | None:
    """Of a CRD that comes too late: less than an error where something that is not seen may bring it first."""
    if model.tree.remotes:
        return Severity.NOTE
    return Severity.WARNING if assumed else None


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
            assumed = model.flux.assumed(custom)
            yield provider_waits_for_consumer.at(
                each,
                "kind",
                why=f"its CRD comes with the Kustomization {others[0]}, which waits for {each.owner}: "
                f"never Ready{_but(assumed)}",
                remedy=f"let {each.owner} depend on {others[0]}, and nothing of {others[0]} on {each.owner}",
                severity=_severity(model, assumed),
            )


@rule("E4", Stage.ORDER, Severity.WARNING)
def nobody_serves_it(model: Model) -> Iterator[Finding]:
    """E4: nothing here makes an object's kind known to the API server.

    Neither the API server, nor a component of Flux, nor a CRD among the manifests, nor a chart that is known. It is
    assumed that an installer, or a chart that is not known here, brings the CRD first; without it the dry-run fails
    ("no matches for kind … in version …"). A component of Flux that is not installed is an error. Where not all was
    seen, it is a note.

    Bad:
        # `flux bootstrap` is told to install no notification-controller
        kind: Alert

    Good:
        # checks.yaml, and the bootstrap with it
        components: [source-controller, kustomize-controller, notification-controller]
    """
    for custom in model.flux.customs:
        each = custom.object
        if custom.providers or model.flux.suggested(each.group):
            continue
        component = component_of(custom.kind)
        charts = model.flux.that_install(custom.kind)
        severity = Severity.NOTE if model.tree.is_partly_seen else Severity.WARNING
        why = f'no matches for kind "{each.kind}" in version "{each.api_version}"'
        if component:
            why = f"{why}: {component} is not installed"
            remedy = f"add {component} to the components that are installed, and to checks.yaml"
            if model.tree.entry.components and not model.tree.is_partly_seen:
                severity = Severity.ERROR
        else:
            why = f"{why}, unless an installer, or a chart that is not known here, brings its CRD first: assumed"
            remedy = (
                f"if a chart brings this CRD, name {each.group} in `served` of checks.yaml, or the chart in `charts`"
            )
        if charts:
            install = f"install the chart {' or '.join(charts)}, with its CRDs, in a Kustomization before it"
            remedy = f"{install}, or name {each.group} in `served` of checks.yaml"
        yield nobody_serves_it.at(each, "kind", why=why, remedy=remedy, severity=severity)


@rule("E6", Stage.ORDER, Severity.ERROR)
def in_the_bootstraps_folder(model: Model) -> Iterator[Finding]:
    """E6: the folder that the bootstrap applies has a custom resource whose CRD is not Flux's own.

    `flux bootstrap` applies that folder itself, before any HelmRelease can have installed anything, and before the Git
    credentials are in the cluster: it fails, and so does the rebuild. Where nothing here brings the CRD, an installer
    may have done so before, and it is a warning.

    Bad:
        # k8s/flux-system/flux-system/monitor.yaml
        kind: PodMonitor

    Good:
        # k8s/infrastructure-configs/monitor.yaml, in a Kustomization that depends on who installs the CRD
        kind: PodMonitor
    """
    folder, root = model.tree.config.bootstrap.folder, model.tree.bootstrap.id
    written = {f"{folder}/{name}" for name in (GOTK_COMPONENTS, GOTK_SYNC)}
    if not written & (model.tree.files.keys() | model.tree.stubs):
        return
    for custom in model.flux.customs:
        by_manifest = any(provider.owner == root and provider.release is None for provider in custom.providers)
        if custom.object.file.startswith(f"{folder}/") and not by_manifest:
            yield in_the_bootstraps_folder.at(
                custom.object,
                "kind",
                why=f"flux bootstrap applies {folder} before any other CRD is there: it fails",
                remedy="move it to a Kustomization that depends on the one that installs its CRD",
                severity=None if custom.providers else Severity.WARNING,
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


@rule("E13", Stage.ORDER, Severity.WARNING)
def values_need_a_crd(model: Model) -> Iterator[Finding]:
    """E13: a HelmRelease's values make custom resources of another chart's CRD, and it does not wait for that chart.

    Helm installs nothing of a chart one of whose kinds the API server does not know ("no matches for kind"). If the
    CRD comes only once this release is Ready, it never is: an error. Otherwise helm-controller tries again, ever less
    often, until the CRD is there: a warning, also where nothing here installs it, since somebody else may.

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
            config = model.tree.config
            missing = [kind for kind in foreign.kinds if kind not in release.crds and not config.is_served(*kind)]
            if not missing or not all_on(foreign.switches, release.values):
                continue
            group, kind = missing[0]
            value = foreign.switches[-1].value
            providers = model.flux.providers(missing[0])
            why, severity = f"{value} makes a {kind} ({group})", Severity.WARNING
            if not providers:
                charts = " or ".join(model.flux.that_install(missing[0])) or "a chart that brings its CRD"
                why, remedy = f"{why}, whose CRD nothing here installs", f"install {charts}, or switch it off"
            elif not any(_is_after(model.flux, release, provider) for provider in providers):
                maker = providers[0].release
                comes_with = f"the HelmRelease {maker.id}" if maker else f"the Kustomization {providers[0].owner}"
                if all(_waits_for(model.flux, provider, release) for provider in providers):
                    why = f"{why}, whose CRD comes with {comes_with}, which waits for it: never Ready"
                    severity = Severity.ERROR
                else:
                    why = f"{why}, whose CRD comes with {comes_with}, which it does not wait for"
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
        declared = model.tree.config.charts.get(release.chart_name.rpartition("/")[2])
        read_at = declared.version if isinstance(declared, OwnChart) else declared
        read_at = read_at or (release.chart.read_at if release.chart else None)
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
