"""The stage order: what waits for what, and what an object takes for granted of others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import networkx as nx

from checks.charts import all_on
from checks.findings import Finding, Severity, Stage
from checks.flux import Provider, Step, applied, waits_for
from checks.images import IMAGE_GROUP
from checks.manifests import at, mapping
from checks.rule import rule
from checks.selectors import selects
from checks.suggest import hint, near
from checks.tree import GOTK_COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from checks.charts import Webhook
    from checks.flux import Release
    from checks.model import Model
    from checks.references import World
    from checks.tree import Object


@rule("E3", Stage.ORDER, Severity.ERROR)
def wrong_dependency(model: Model) -> Iterator[Finding]:
    """E3: dependsOn names something that does not exist or is of another kind, or it forms a cycle.

    A Kustomization waits for Kustomizations only, a HelmRelease for HelmReleases only; a name that nobody has, or a
    circle, means that it is never Ready ("dependency 'flux-system/x' not found"). A circle may go through `wait`: a
    Kustomization that waits for what it applies never finds it Ready if that depends on the Kustomization.

    Bad:
        kind: Kustomization
        spec:
          dependsOn: [{name: kube-prometheus-stack}]   # a HelmRelease

    Good:
        kind: Kustomization
        spec:
          dependsOn: [{name: infrastructure}]          # the Kustomization that applies it
    """
    releases = {release.id: release.object for release in model.flux.releases}
    kustomizations = {each.id: each.object for each in model.tree.kustomizations}
    kustomizations |= {each.id: each for each in model.tree.foreign}
    waiting = [(each.object, each.depends_on) for each in model.tree.kustomizations]
    yield from _entries(model.world, waiting, kustomizations, releases)
    waiting = [(each.object, each.depends_on) for each in model.flux.releases]
    yield from _entries(model.world, waiting, releases, kustomizations)
    yield from _circles(model)


def _entries(
    world: World,
    waiting: list[tuple[Object, tuple[str, ...]]],
    known: Mapping[str, Object],
    others: Mapping[str, Object],
) -> Iterator[Finding]:
    """The entries of dependsOn that name nothing of the same kind."""
    for each, names in waiting:
        for number, name in enumerate(names):
            path = ("spec", "dependsOn", number)
            is_certain = all(world.is_certain(each, *path, field) for field in ("namespace", "name"))
            if name in known or not is_certain or each.spec.get("suspend") is True:
                continue
            severity = Severity.ERROR
            short = name.rpartition("/")[2]
            elsewhere = [other for other in known.values() if other.name == short]
            same_name = [other for other in others.values() if other.name == short]
            there = ""
            if elsewhere:
                there = f"; there is {', '.join(sorted(other.id for other in elsewhere))}"
                remedy = f"name {elsewhere[0].id}: set namespace: {elsewhere[0].namespace} in the entry"
            elif same_name and each.kind == "Kustomization":
                there = f"; {same_name[0].id} is a {same_name[0].kind}"
                remedy = f"name the Kustomization that applies it, {same_name[0].owner.rpartition('/')[2]}"
            elif same_name:
                there = f"; {same_name[0].id} is a {same_name[0].kind}"
                remedy = f"let the Kustomization that applies {each.id} depend on {same_name[0].name} instead"
            else:
                remedy = f"name a {each.kind} that is there{hint(name, {*known} - {each.id})}"
                # What was not followed may make it.
                severity = Severity.ERROR if world.is_closed((each.group, each.kind)) else Severity.WARNING
            why = f"dependency '{name}' not found{there}: it is never Ready"
            yield wrong_dependency.at(each, *path, why=why, remedy=remedy, severity=severity)


def _circles(model: Model) -> Iterator[Finding]:
    graph = model.flux.steps
    entries = [(applied(each.id), each.object, each.depends_on) for each in model.tree.kustomizations]
    entries += [(Step("HelmRelease", each.id), each.object, each.depends_on) for each in model.flux.releases]
    for members in nx.strongly_connected_components(graph):
        if len(members) == 1 and not any(graph.has_edge(each, each) for each in members):
            continue
        waiting = sorted({one.id for one, two in graph.subgraph(members).edges if _is_child(one, two)})
        for step, each, names in entries:
            if step in members and any(Step(each.kind, name) in members for name in names):
                others = sorted({f"{other.kind} {other.id}" for other in members} - {each.label})
                by = f", by the wait of {' and '.join(waiting)}" if waiting else ""
                why = f"it waits for {', '.join(others) or 'itself'} and is waited for{by}: none of them is ever Ready"
                remedy = "take one of the circle's dependsOn entries out"
                yield wrong_dependency.at(each, "spec", "dependsOn", why=why, remedy=remedy)


def _is_child(one: Step, two: Step) -> bool:
    """Whether a step comes after another because a Kustomization waits for what it applies."""
    return one.kind == "Kustomization" and one.is_ready and two.is_ready


TARGET = ("spec", "targetNamespace")
ALWAYS = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
"""The namespaces that every cluster has."""


@rule("E5", Stage.ORDER, Severity.ERROR)
def missing_namespace(model: Model) -> Iterator[Finding]:
    """E5: an object's namespace is not there when it is applied.

    Namespaces of the same Kustomization come first, and those of one that it depends on are there. One that only a
    HelmRelease of the same Kustomization creates, or a Kustomization that waits for this one, never is ("namespaces
    \"x\" not found"). One that nothing here creates is a warning: an installer may.

    Bad:
        metadata: {name: grafana, namespace: monitoring}   # no Namespace monitoring anywhere

    Good:
        kind: Namespace
        metadata: {name: monitoring}
    """
    makers = _makers(model)
    there = {*ALWAYS, model.tree.config.bootstrap.namespace, *model.tree.config.namespaces}
    for each in model.tree.objects:
        for namespace, path in _needed(each):
            own = makers.get(namespace, [])
            if namespace in there or any(_is_before(model, each.owner, maker) for maker in own):
                continue
            why = f'namespaces "{namespace}" not found'
            use = _use(each, path)
            in_the_end = [maker for maker in own if not _waits(model, maker, use)]
            if in_the_end:
                maker = in_the_end[0]
                yield missing_namespace.at(
                    each,
                    *path,
                    why=f"{why}: it comes with {_label(maker)}, which {each.owner} does not wait for",
                    remedy=f"let {each.owner} depend on {maker.owner}, with wait: true, or move the Namespace",
                    severity=Severity.WARNING,
                )
            elif own:
                late = f"{_label(own[0])} creates it, but only once {each.owner} is applied"
                remedy = f"add a Namespace {namespace} to {each.owner}, or to a Kustomization that it depends on"
                yield missing_namespace.at(each, *path, why=f"{why}: {late}", remedy=remedy)
            else:
                remedy = f"add a Namespace {namespace}, or name it in `namespaces` of checks.yaml"
                if meant := near(namespace, {*makers, *there}):
                    remedy = f"did you mean {meant}? Otherwise {remedy}"
                yield missing_namespace.at(
                    each,
                    *path,
                    why=f"{why}, unless an installer makes it before Flux: assumed, since nothing here does",
                    remedy=remedy,
                    severity=Severity.NOTE if model.tree.is_partly_seen else Severity.WARNING,
                )


def _makers(model: Model) -> dict[str, list[Provider]]:
    """Namespace → who creates it."""
    found: dict[str, list[Provider]] = {}
    for each in model.tree.objects:
        if (each.api_version, each.kind) == ("v1", "Namespace"):
            found.setdefault(each.name, []).append(Provider(each.owner, None))
    for release in model.flux.releases:
        spec = release.object.spec
        if at(spec, "install", "createNamespace") is True and spec.get("targetNamespace"):
            found.setdefault(str(spec["targetNamespace"]), []).append(Provider(release.object.owner, release))
    return found


def _is_before(model: Model, owner: str, maker: Provider) -> bool:
    """Whether a namespace is there by the time a Kustomization is dry-run."""
    is_waited_for = maker.owner in model.flux.before(owner)
    if maker.release is None:
        return is_waited_for or maker.owner in model.flux.above(owner)
    return is_waited_for and waits_for(model.flux.kustomization(maker.owner), maker.release.object)


def _use(each: Object, path: tuple[str, ...]) -> Step:
    """When a namespace must be there: the target of a HelmRelease that is tried again, only once it is installed.

    Without retries, its first failure is its last (helm-controller, HelmRelease v2, "Install configuration").
    """
    retries = at(each.spec, "install", "remediation", "retries")
    is_retried = bool(retries) or at(each.spec, "install", "strategy", "name") == "RetryOnFailure"
    is_target = path == TARGET
    return Step("HelmRelease", each.id) if is_target and is_retried else applied(each.owner)


def _waits(model: Model, maker: Provider, use: Step) -> bool:
    """Whether a namespace is made only once what needs it is done."""
    step = Step("HelmRelease", maker.release.id) if maker.release else applied(maker.owner)
    return nx.has_path(model.flux.steps, step, use)


def _label(maker: Provider) -> str:
    return f"the HelmRelease {maker.release.id}" if maker.release else f"the Kustomization {maker.owner}"


def _needed(each: Object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The namespaces that must be there, with the field that says so."""
    if each.namespace:
        yield each.namespace, ("metadata", "namespace")
    target = each.spec.get("targetNamespace")
    if each.kind == "HelmRelease" and target and at(each.spec, "install", "createNamespace") is not True:
        yield str(target), TARGET


@rule("E14", Stage.ORDER, Severity.WARNING)
def image_automation_waited_for(model: Model) -> Iterator[Finding]:
    """E14: an image automation object is in a Kustomization that others wait for.

    An ImageRepository is Ready only once its registry was scanned. A registry that cannot be reached, or an image that
    was never pushed, then holds back everything that depends on the Kustomization.

    Bad:
        # infrastructure (wait: true, applications depend on it) applies an ImageRepository

    Good:
        # a Kustomization image-automation that nothing depends on, without wait
    """
    for each in model.tree.objects:
        if each.group != IMAGE_GROUP or not model.flux.kustomization(each.owner).waits:
            continue
        waiting = sorted(other.id for other in model.tree.kustomizations if each.owner in model.flux.before(other.id))
        if waiting:
            why = (
                f"{', '.join(waiting)} would wait for {each.owner}, which a registry that cannot be scanned holds back"
            )
            remedy = "give image automation a Kustomization of its own, without wait, that nothing depends on"
            yield image_automation_waited_for.at(each, "kind", why=why, remedy=remedy)


EXACT = re.compile(r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
"""Source: Semantic Versioning 2.0.0."""


@rule("E16", Stage.ORDER, Severity.WARNING)
def inexact_chart_version(model: Model) -> Iterator[Finding]:
    """E16: a chart's version is not exact.

    With a range each rebuild may install another version that nobody reviewed, and the same commit is not the same
    cluster.

    Bad:
        chart: {spec: {chart: cert-manager, version: v1.x}}

    Good:
        chart: {spec: {chart: cert-manager, version: v1.21.1}}
    """
    for release in model.flux.releases:
        if release.chart_name and not _is_exact(release):
            asked = f"version {release.version}" if release.version else "no version"
            why = f"{asked} of {release.chart_name} is asked for: each rebuild may install another"
            each, path = release.version_at
            yield inexact_chart_version.at(each, *path, why=why, remedy="name one version, such as 1.2.3")


def _is_exact(release: Release) -> bool:
    """Whether one chart is meant: by version or digest, or because it lies in Git, where Flux reads no version."""
    each, _ = release.version_at
    source = at(each.spec, "chart", "spec", "sourceRef", "kind")
    is_digest = each.kind == "OCIRepository" and bool(at(each.spec, "ref", "digest"))
    return is_digest or source in {"GitRepository", "Bucket"} or bool(EXACT.fullmatch(release.version))


SELECTED = ("app", "name", "app.kubernetes.io/name")
"""The labels that Flagger changes (its documentation, selector labels): the target's own pods are scaled to nothing."""


@rule("E18", Stage.ORDER, Severity.ERROR)
def idle_network_policy(model: Model) -> Iterator[Finding]:
    """E18: a NetworkPolicy selects no pod that the tree makes.

    It protects nothing, and nobody notices: labels were renamed, or another controller gives its pods others. It is a
    warning in a namespace whose pods may come from a chart, a custom resource's controller, or somebody else.

    Bad:
        podSelector: {matchLabels: {app: load-harness-primary}}   # pods are labelled app: load-harness

    Good:
        podSelector: {matchLabels: {app: load-harness}}
    """
    canaries = {
        (str(at(each.spec, "targetRef", "kind")), each.namespace, str(at(each.spec, "targetRef", "name")))
        for each in model.tree.objects
        if (each.group, each.kind) == ("flagger.app", "Canary")
    }
    pods = [
        (each.namespace, labels)
        for each in model.tree.objects
        for labels in _pod_labels(each, is_canary=(each.kind, each.namespace, each.name) in canaries)
    ]
    elsewhere = {
        str(release.object.spec.get("targetNamespace") or release.object.namespace) for release in model.flux.releases
    }
    elsewhere |= {custom.object.namespace for custom in model.flux.customs if custom.kind[0] != "flagger.app"}
    elsewhere |= {each.namespace for each in model.tree.foreign}
    own = {each.name for each in model.tree.objects if (each.api_version, each.kind) == ("v1", "Namespace")}
    for each in model.tree.objects:
        selector = mapping(each.spec.get("podSelector"))
        is_policy = (each.group, each.kind) == ("networking.k8s.io", "NetworkPolicy")
        if not is_policy or not selector or each.file.endswith(f"/{GOTK_COMPONENTS}"):
            continue
        if not any(namespace == each.namespace and selects(selector, labels) for namespace, labels in pods):
            why = f"it selects no pod that serves in {each.namespace or 'its namespace'}: it protects nothing"
            remedy = "let podSelector match the labels of the pod template that it means; Flagger's have -primary added"
            # There a chart, or the controller of a custom resource, may make the pods.
            is_open = each.namespace in elsewhere or each.namespace not in own
            severity = Severity.WARNING if is_open else Severity.ERROR
            yield idle_network_policy.at(each, "spec", "podSelector", why=why, remedy=remedy, severity=severity)


def _pod_labels(each: Object, *, is_canary: bool) -> Iterator[Mapping[str, Any]]:
    """The labels of the pods that an object is, or makes; of a Canary's target those that Flagger gives the primary."""
    for path in (("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
        template = at(each.manifest, *path)
        if at(template, "spec", "containers"):
            labels = mapping(at(template, "metadata", "labels"))
            yield {**labels, **{key: f"{labels[key]}-primary" for key in SELECTED if is_canary and key in labels}}
    if (each.api_version, each.kind) == ("v1", "Pod"):
        yield mapping(at(each.manifest, "metadata", "labels"))


@rule("E20", Stage.ORDER, Severity.WARNING)
def webhook_not_waited_for(model: Model) -> Iterator[Finding]:
    """E20: a chart's admission webhook may refuse objects that do not wait for the chart.

    Once the webhook's configuration is in the cluster, the API server makes no such object until the webhook's pods
    answer; Flux's dry-runs and other charts' installs fail in between, and whenever those pods are down.

    Bad:
        # aws-load-balancer-controller with its Service webhook on, and charts with Services next to it, without
        # dependsOn

    Good:
        values:
          enableServiceMutatorWebhook: false
    """
    for release in model.flux.releases:
        for webhook in release.chart.webhooks if release.chart else ():
            victims = list(_victims(model, release, webhook))
            if victims and all_on(webhook.switches, release.values):
                more = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
                off = [f"set {each.value}: {'false' if each.on else 'true'}, or " for each in webhook.switches[:1]]
                yield webhook_not_waited_for.at(
                    release.object,
                    "spec",
                    "chart",
                    why=f"its webhook {webhook.name} may fail {victims[0]}{more}, which do not wait for it",
                    remedy=f"{''.join(off)}let them depend on {release.id}",
                )


def _victims(model: Model, release: Release, webhook: Webhook) -> Iterator[str]:
    """What the webhook sees before its chart is there: objects, and charts, nearly all of which have Services."""
    own = {kind for kind in webhook.kinds if kind in release.crds}
    watched = set(webhook.kinds) - own
    for each in model.tree.objects:
        is_watched = (each.group, each.kind) in watched and each.owner != model.tree.bootstrap.id
        if is_watched and release.object.owner not in model.flux.before(each.owner):
            yield each.label
    for other in model.flux.releases if ("", "Service") in watched else ():
        is_after = release.id in model.flux.releases_before(other.id)
        if other is not release and not is_after and release.object.owner not in model.flux.before(other.object.owner):
            yield other.object.label
