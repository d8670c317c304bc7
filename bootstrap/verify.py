"""The checklist of a bootstrapped cluster, and the first cause of what fails. Pure.

An object that waits for another one is not a cause. The first cause is the object that is not ready although everything
that it needs is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bootstrap import advice
from bootstrap.flux_settings import NAMESPACE
from bootstrap.snapshot import Key, key_of
from common.kubernetes import api, objects
from common.kubernetes.objects import mappings, text
from infra.contract.versions import FLUX, FLUX_CONTROLLERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bootstrap.flux_settings import Settings
    from bootstrap.snapshot import Snapshot
    from common.kubernetes.api import Manifest

APPLICATIONS = "applications"
IMAGE_KINDS = ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation")
CONTROLLER_OF: Mapping[str, str] = {
    "GitRepository": "source-controller",
    "HelmRepository": "source-controller",
    "OCIRepository": "source-controller",
    "HelmChart": "source-controller",
    "Kustomization": "kustomize-controller",
    "HelmRelease": "helm-controller",
    "ImageRepository": "image-reflector-controller",
    "ImagePolicy": "image-reflector-controller",
    "ImageUpdateAutomation": "image-automation-controller",
}


OWNER = "kustomize.toolkit.fluxcd.io"
"""Begins the labels with which a Kustomization marks what it applies."""
REQUESTED = "reconcile.fluxcd.io/requestedAt"
SUSPENDED = "it is suspended"
MIGRATED = (
    api.GIT_REPOSITORY,
    api.HELM_REPOSITORY,
    api.HELM_CHART,
    api.KUSTOMIZATION,
    api.HELM_RELEASE,
)
"""The kinds whose pinned CustomResourceDefinition has the one version that is named here (source-controller,
kustomize-controller and helm-controller of the pinned Flux, config/crd/bases)."""
NOT_THE_CAUSE = ("Progressing", "RollbackSucceeded", "UninstallSucceeded")
"""Reasons of a HelmRelease's Ready that tell what was done after a failure: Released or TestSuccess has the failure."""

RENDERED = 5
"""How often a chart must fail to be rendered before waiting is given up: helm-controller never says that it stalled."""


@dataclass(frozen=True)
class Wanted:
    """What is required of a cluster."""

    components: Sequence[str]
    """The controllers that must be available, at the versions of the pinned Flux."""
    revisions: Sequence[str] = ()
    """The commits one of which must be applied, the newest last; none: whatever each says it is at."""
    but: Collection[str] = ()
    """Kinds whose objects need not have reconciled: an expectation file says why."""

    @classmethod
    def of(cls, settings: Settings, revisions: Sequence[str], but: Collection[str]) -> Wanted:
        """What the settings ask for."""
        return cls(settings.all_components, tuple(revisions), but)

    def is_reconciled(self, controller: str) -> bool:
        """Whether a controller has to reconcile anything: one of whose kinds nothing is required need not be there."""
        kinds = [kind for kind, name in CONTROLLER_OF.items() if name == controller]
        return not kinds or any(kind not in self.but for kind in kinds)


@dataclass(frozen=True)
class Problem:
    """Something that is not ready."""

    key: Key
    message: str
    final: bool
    """Whether waiting alone does not help: its controller has given up, or says that it cannot."""

    @property
    def case(self) -> str:
        """The name of the known problem; empty if it is not known."""
        return advice.advise(self.key.kind, self.key.namespace, self.key.name, self.message)[0]

    @property
    def advice(self) -> str:
        """What to do."""
        return advice.advise(self.key.kind, self.key.namespace, self.key.name, self.message)[1]


@dataclass(frozen=True)
class Check:
    """A line of the checklist."""

    title: str
    done: bool
    detail: str
    skipped: bool = False
    """Whether it was not looked at: then it is neither true nor false."""


@dataclass(frozen=True)
class Verdict:
    """What a snapshot comes to."""

    checks: Sequence[Check]
    problems: Sequence[Problem]
    first: Problem | None
    """The first cause; None if all is well."""
    final: bool = False
    """Whether it, or what needs it, is given up by its controller: waiting alone does not help."""

    @property
    def good(self) -> bool:
        """Whether every line of the checklist is true, and nothing is about to end what it counts."""
        return all(check.done for check in self.checks) and not self.final


def judge(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """Hold a snapshot to what is wanted."""
    problems = {problem.key: problem for problem in _problems(snapshot, wanted)}
    needs = {key: _needs(snapshot, key) for key in (*snapshot.things, *problems)}
    path = _path(problems, needs)
    return Verdict(
        checks=_checks(snapshot, wanted, problems),
        problems=list(problems.values()),
        first=path[-1] if path else None,
        final=any(problem.final for problem in path),
    )


def drifted(snapshot: Snapshot) -> list[str]:
    """The releases that something else has changed in the cluster, a line each: mode `warn` only tells of it."""
    return [
        f"{key_of(each)}: {' '.join(text(condition, 'message').split())}"
        for each in snapshot.of("HelmRelease")
        if (condition := objects.condition(each, "Drifted")).get("status") == "True"
    ]


def _checks(snapshot: Snapshot, wanted: Wanted, problems: Mapping[Key, Problem]) -> list[Check]:
    looked_at = [name for name in wanted.components if wanted.is_reconciled(name)]
    deployments = [Key("Deployment", NAMESPACE, name) for name in looked_at]
    checks = [_counted(f"{len(looked_at)} Flux controllers are available", deployments, problems)]
    if others := [name for name in wanted.components if name not in looked_at]:
        checks.append(Check(", ".join(others), done=True, detail="installed, not checked here", skipped=True))
    for title, kind in (
        ("GitRepository has fetched", "GitRepository"),
        ("Kustomizations have applied", "Kustomization"),
        ("HelmReleases are ready", "HelmRelease"),
        ("ImageRepositories are scanned", "ImageRepository"),
        ("ImagePolicies have selected a tag", "ImagePolicy"),
    ):
        if kind in wanted.but:
            checks.append(Check(title, done=True, detail="not checked here", skipped=True))
            continue
        things = [key_of(each) for each in snapshot.of(kind)]
        least = 0 if kind in ("HelmRelease", *IMAGE_KINDS) else 1
        checks.append(_counted(title, things, problems, least=least))
    workloads = [
        key_of(each) for each in snapshot.of("Deployment") if text(each, "metadata", "namespace") == APPLICATIONS
    ]
    checks.append(_counted("application pods run", workloads, problems, least=0))
    checks.append(
        _counted("Ingresses have an address", [key_of(each) for each in snapshot.of("Ingress")], problems, least=0)
    )
    return checks


def _counted(title: str, keys: Sequence[Key], problems: Mapping[Key, Problem], least: int = 1) -> Check:
    bad = [key for key in keys if key in problems]
    detail = f"{len(keys) - len(bad)} of {len(keys)}" + (f": {bad[0]}: {problems[bad[0]].message}" if bad else "")
    return Check(title, done=not bad and len(keys) >= least, detail=detail)


def _problems(snapshot: Snapshot, wanted: Wanted) -> Iterator[Problem]:
    """Everything that is not as it should be, in the order in which things come about."""
    yield from of_installation(snapshot)
    if not snapshot.installed:
        yield Problem(Key("Flux", "", FLUX), "it is not installed", final=False)
    yield from _suspended_root(snapshot)
    controllers = [Key("Deployment", NAMESPACE, component) for component in wanted.components]
    for key in controllers:
        said = _controller(snapshot.things.get(key), key.name)
        if said:
            yield Problem(key, said, final=False)
    if snapshot.installed and ROOT[0] not in snapshot.things:
        yield Problem(ROOT[0], "it is not there: flux bootstrap makes it", final=False)
    for kind in CONTROLLER_OF:
        if kind not in wanted.but:
            yield from _unready(snapshot, kind, wanted.revisions)
    yield from _workloads(snapshot, controllers)


ROOT = (Key("GitRepository", NAMESPACE, NAMESPACE), Key("Kustomization", NAMESPACE, NAMESPACE))
"""What all begins with."""


def of_installation(snapshot: Snapshot) -> Iterator[Problem]:
    """What keeps Flux from being installed, or installed again."""
    namespace = snapshot.things.get(Key("Namespace", "", NAMESPACE), {})
    if objects.at(namespace, "metadata", "deletionTimestamp"):
        held = [
            " ".join(text(each, "message").split())
            for each in mappings(namespace, "status", "conditions")
            if each.get("status") == "True"
        ]
        yield Problem(key_of(namespace), f"it is being deleted: {'; '.join(held) or 'nothing holds it'}", final=True)
    for kind in MIGRATED:
        definition = snapshot.things.get(Key("CustomResourceDefinition", "", f"{kind.plural}.{kind.group}"), {})
        stored: list[str] = objects.at(definition, "status", "storedVersions") or []
        old = [version for version in stored if version != kind.version]
        if old:
            said = f"its storedVersions have {', '.join(old)}, and that of Flux {FLUX} has {kind.version} alone"
            yield Problem(key_of(definition), said, final=True)


def _suspended_root(snapshot: Snapshot) -> Iterator[Problem]:
    """While it is suspended, nothing of Git arrives: what else is wrong may be right in Git."""
    for key in ROOT:
        if objects.at(snapshot.things.get(key, {}), "spec", "suspend") is True:
            yield Problem(key, SUSPENDED, final=True)


def _workloads(snapshot: Snapshot, but: Collection[Key]) -> Iterator[Problem]:
    for deployment in snapshot.of("Deployment"):
        if key_of(deployment) not in but and not objects.is_available(deployment):
            available = objects.condition(deployment, "Available")
            yield Problem(key_of(deployment), text(available, "message") or "not available yet", final=False)
    for ingress in snapshot.of("Ingress"):
        if not mappings(ingress, "status", "loadBalancer", "ingress"):
            yield Problem(key_of(ingress), "it has no address yet", final=False)
    for pod in snapshot.of("Pod"):
        reason = objects.pod_reason(pod)
        if reason and not objects.is_ready(pod):
            yield Problem(key_of(pod), reason, final=False)


def _controller(deployment: Manifest | None, name: str) -> str:
    """What is wrong with a controller's Deployment; empty if nothing is."""
    if deployment is None:
        return "it is not installed"
    if not objects.is_available(deployment):
        return "its pod is not ready"
    images = [text(each, "image") for each in mappings(deployment, "spec", "template", "spec", "containers")]
    tag = f":v{FLUX_CONTROLLERS[name]}"
    wrong = [image for image in images if not image.partition("@")[0].endswith(tag)]
    return f"it runs {wrong[0]}, pinned is {tag.removeprefix(':')}" if wrong else ""


def is_answered(thing: Mapping[str, Any]) -> bool:
    """Whether the conditions of an object are younger than the last request for a reconciliation."""
    asked = objects.mapping(thing, "metadata", "annotations").get(REQUESTED)
    return asked is None or asked == text(thing, "status", "lastHandledReconcileAt")


def _unready(snapshot: Snapshot, kind: str, revisions: Sequence[str]) -> Iterator[Problem]:
    for thing in snapshot.of(kind):
        ready = objects.condition(thing, "Ready")
        said = _said(thing) or "not reconciled yet"
        stalled = objects.condition(thing, "Stalled")
        if objects.at(thing, "spec", "suspend") is True:
            yield Problem(key_of(thing), SUSPENDED, final=True)
        elif stalled.get("status") == "True":
            final = _is_of_now(snapshot, thing, revisions)
            yield Problem(key_of(thing), f"{said} ({text(stalled, 'reason')})", final=final)
        elif ready.get("status") != "True" or not objects.is_observed(thing):
            problem = Problem(key_of(thing), said, final=False)
            failures = objects.number(thing, "status", "failures")
            is_given_up = problem.case == advice.NEVER_STALLS and failures >= RENDERED
            yield replace(problem, final=is_given_up and _is_of_now(snapshot, thing, revisions))
        elif revisions and kind in ("GitRepository", "Kustomization") and _is_ours(thing):
            at = text(thing, "status", "artifact", "revision") or text(thing, "status", "lastAppliedRevision")
            if not at.endswith(tuple(revisions)):
                message = f"it is at {at or 'no revision'}, pushed is {revisions[-1][:12]}"
                yield Problem(key_of(thing), message, final=False)


def _is_of_now(snapshot: Snapshot, thing: Manifest, revisions: Sequence[str]) -> bool:
    """Whether what an object says is of what it is to be now: requests answered, and what is pushed applied to it."""
    labels = objects.mapping(thing, "metadata", "labels")
    owner = Key("Kustomization", str(labels.get(f"{OWNER}/namespace", "")), str(labels.get(f"{OWNER}/name", "")))
    attempted = text(snapshot.things.get(owner, {}), "status", "lastAttemptedRevision")
    is_applied = not revisions or owner not in snapshot.things or attempted.endswith(tuple(revisions))
    generation = objects.at(thing, "metadata", "generation")
    seen = objects.condition(thing, "Stalled").get("observedGeneration", generation)
    return is_applied and is_answered(thing) and seen == generation


def _said(thing: Manifest) -> str:
    """What an object says of why it is not ready, in a line."""
    ready, generation = objects.condition(thing, "Ready"), objects.at(thing, "metadata", "generation")
    if thing["kind"] == "HelmRelease" and ready.get("reason") in NOT_THE_CAUSE:
        for condition in (objects.condition(thing, kind) for kind in ("TestSuccess", "Released")):
            if condition.get("status") == "False" and condition.get("observedGeneration") == generation:
                ready = condition
                break
    return " ".join(text(ready, "message").split())


def _is_ours(thing: Manifest) -> bool:
    """Whether it is Flux's own source, or applies it."""
    source = (
        text(thing, "spec", "sourceRef", "name")
        if thing["kind"] == "Kustomization"
        else text(thing, "metadata", "name")
    )
    return source == NAMESPACE


def _needs(snapshot: Snapshot, key: Key) -> list[Key]:
    """What has to be ready before an object can be."""
    thing = snapshot.things.get(key)
    needs: list[Key] = []
    if key.kind in CONTROLLER_OF:
        needs.append(Key("Deployment", NAMESPACE, CONTROLLER_OF[key.kind]))
    if thing is None:
        return needs
    spec, namespace = objects.mapping(thing, "spec"), key.namespace
    match key.kind:
        case "Kustomization":
            source = objects.mapping(spec, "sourceRef")
            needs.append(Key(text(source, "kind"), text(source, "namespace") or namespace, text(source, "name")))
            needs += [
                Key("Kustomization", text(each, "namespace") or namespace, text(each, "name"))
                for each in mappings(spec, "dependsOn")
            ]
            needs += _inventory(thing)
        case "HelmRelease":
            needs += [
                Key("HelmRelease", text(each, "namespace") or namespace, text(each, "name"))
                for each in mappings(spec, "dependsOn")
            ]
            reference = objects.mapping(spec, "chartRef")
            chart_namespace, _, chart = text(thing, "status", "helmChart").partition("/")
            needs.append(
                Key(text(reference, "kind"), text(reference, "namespace") or namespace, text(reference, "name"))
                if reference
                else Key("HelmChart", chart_namespace, chart)
            )
            needs += _inventory(thing)
        case "HelmChart":
            needs.append(Key(text(spec, "sourceRef", "kind"), namespace, text(spec, "sourceRef", "name")))
        case "ImagePolicy":
            needs.append(
                Key(
                    "ImageRepository",
                    text(spec, "imageRepositoryRef", "namespace") or namespace,
                    text(spec, "imageRepositoryRef", "name"),
                )
            )
        case "Deployment":
            labels = objects.mapping(spec, "selector", "matchLabels").items()
            pods = [each for each in snapshot.of("Pod") if text(each, "metadata", "namespace") == namespace]
            needs += [key_of(each) for each in pods if labels <= objects.mapping(each, "metadata", "labels").items()]
        case "Ingress":
            needs.append(Key("Deployment", "kube-system", "aws-load-balancer-controller"))
        case _:
            pass
    return needs


def _inventory(thing: Manifest) -> list[Key]:
    """What a Kustomization or HelmRelease made and waits for (`namespace_name_group_Kind` in its inventory)."""
    found: list[Key] = []
    for entry in mappings(thing, "status", "inventory", "entries"):
        match text(entry, "id").split("_"):
            case [namespace, name, _group, ("HelmRelease" | "Deployment" | "GitRepository" | "HelmRepository") as kind]:
                found.append(Key(kind, namespace, name))
            case _:
                pass
    return found


def _path(problems: Mapping[Key, Problem], needs: Mapping[Key, Sequence[Key]]) -> list[Problem]:
    """The way from the first problem to one that comes of no other, along what is needed and not ready."""
    key, path = next(iter(problems), None), dict[Key, Problem]()
    while key is not None:
        path[key] = problems[key]
        key = next((need for need in needs.get(key, ()) if need in problems and need not in path), None)
    return list(path.values())
