"""The checklist and the first cause, on objects as the controllers write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from bootstrap import snapshot, verify
from bootstrap.flux_settings import Settings
from infra.contract.versions import FLUX, FLUX_CONTROLLERS

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTINGS = Settings(repository="your-org/infra-fleet")
REVISION = "0123456789abcdef0123456789abcdef01234567"
WANTED = verify.Wanted.of(SETTINGS, [REVISION], ())


def flux(kind: str, name: str, message: str = "", *, observed: int = 1, **spec: Any) -> dict[str, Any]:
    """An object of Flux, ready unless a message says why it is not."""
    ready = {"type": "Ready", "status": "False" if message else "True", "message": message or "ok"}
    status: dict[str, Any] = {"observedGeneration": observed, "conditions": [ready]}
    if kind == "GitRepository":
        status["artifact"] = {"revision": f"main@sha1:{REVISION}"}
    if kind == "Kustomization":
        status["lastAppliedRevision"] = f"main@sha1:{REVISION}"
        spec = {"sourceRef": {"kind": "GitRepository", "name": "flux-system"}, **spec}
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": "flux-system", "generation": 1},
        "spec": spec,
        "status": status,
    }


def controller(name: str, *, version: str = "", ready: int = 1) -> dict[str, Any]:
    image = f"ghcr.io/fluxcd/{name}:v{version or FLUX_CONTROLLERS[name]}"
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "flux-system", "generation": 1},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"spec": {"containers": [{"image": image}]}},
        },
        "status": {"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": ready, "availableReplicas": ready},
    }


def depends(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


CONTROLLERS = [controller(name) for name in SETTINGS.all_components]
SOURCE = flux("GitRepository", "flux-system")
WAITS = "dependency 'flux-system/{}' is not ready"


def judge(*things: dict[str, Any], but: Sequence[str] = ()) -> verify.Verdict:
    wanted = verify.Wanted.of(SETTINGS, [REVISION], but)
    return verify.judge(snapshot.of([*CONTROLLERS, SOURCE, *things]), wanted)


def test_all_is_well_when_all_is_as_wanted() -> None:
    verdict = judge(flux("Kustomization", "flux-system"), flux("Kustomization", "applications"))
    assert verdict.good
    assert verdict.first is None


def test_what_waits_is_no_cause() -> None:
    verdict = judge(
        flux("Kustomization", "applications", WAITS.format("configs"), dependsOn=depends("configs")),
        flux("Kustomization", "configs", WAITS.format("infrastructure"), dependsOn=depends("infrastructure")),
        flux(
            "Kustomization",
            "infrastructure",
            'no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"',
        ),
    )
    assert verdict.first
    assert str(verdict.first.key) == "Kustomization flux-system/infrastructure"
    assert verdict.first.case == "a missing CRD"
    assert len(verdict.problems) == 3


def test_a_releases_chart_is_the_cause_of_a_kustomization_that_waits_for_it() -> None:
    release = flux("HelmRelease", "stack", "HelmChart 'flux-system/stack' is not ready")
    release["status"]["helmChart"] = "flux-system/stack"
    waiting = flux("Kustomization", "infrastructure", "health check failed: HelmRelease/flux-system/stack")
    waiting["status"]["inventory"] = {
        "entries": [{"id": "flux-system_stack_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}]
    }
    chart = flux("HelmChart", "stack", "chart pull error", sourceRef={"kind": "HelmRepository", "name": "charts"})
    repository = flux("HelmRepository", "charts", "failed to fetch https://example.com/index.yaml: 404")
    for things in ([release, waiting, chart, repository], [repository, chart, waiting, release]):
        verdict = judge(*things)
        assert verdict.first
        assert verdict.first.key.kind == "HelmRepository"
        assert verdict.first.case == "a chart is not available"


def release(*conditions: tuple[str, str, str, str], failures: int = 0) -> dict[str, Any]:
    """A HelmRelease whose conditions are given by type, status, reason and message."""
    made = flux("HelmRelease", "stack", "not ready")
    names = ("type", "status", "reason", "message")
    made["status"]["conditions"] = [
        {**dict(zip(names, each, strict=True)), "observedGeneration": 1} for each in conditions
    ]
    made["status"]["failures"] = failures
    return made


ROLLED_BACK = (
    "Ready",
    "False",
    "RollbackSucceeded",
    "Helm rollback to previous release flux-system/stack.v1 succeeded",
)
RETRIES_USED_UP = ("Stalled", "True", "RetriesExceeded", "Failed to upgrade after 2 attempt(s)")


def test_a_release_that_was_rolled_back_is_told_by_its_failure() -> None:
    failed = ("Released", "False", "UpgradeFailed", "Helm upgrade failed for release flux-system/stack: why")
    verdict = judge(release(ROLLED_BACK, failed, RETRIES_USED_UP))
    assert verdict.first
    assert verdict.first.message == "Helm upgrade failed for release flux-system/stack: why (RetriesExceeded)"
    assert verdict.first.case == "a release is stalled"
    tested = ("TestSuccess", "False", "TestFailed", "Helm test failed for release flux-system/stack.v2: why")
    succeeded = ("Released", "True", "UpgradeSucceeded", "Helm upgrade succeeded")
    verdict = judge(release(ROLLED_BACK, succeeded, tested, RETRIES_USED_UP))
    assert verdict.first
    assert verdict.first.case == "a test hook fails"


def test_a_failure_of_an_older_generation_is_not_told() -> None:
    older = release(ROLLED_BACK, ("Released", "False", "UpgradeFailed", "Helm upgrade failed"))
    older["metadata"]["generation"] = 2
    verdict = judge(older)
    assert verdict.first
    assert verdict.first.message.startswith("Helm rollback")


def test_a_stalled_release_ends_the_wait_whatever_it_fails_for() -> None:
    """Its pods are the first cause, and would be waited for if nobody had given them up."""
    labels = {"app": "stack"}
    metadata = {"name": "stack", "namespace": "flux-system", "generation": 1}
    spec = {"selector": {"matchLabels": labels}}
    deployment = {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": {"observedGeneration": 1}}
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    pod = {
        "kind": "Pod",
        "metadata": {"name": "stack-1", "namespace": "flux-system", "labels": labels},
        "status": {"containerStatuses": [{"state": waiting}]},
    }
    failed = ("Ready", "False", "InstallFailed", "Helm install failed for release flux-system/stack: timeout")
    for conditions, final in (((failed,), False), ((failed, RETRIES_USED_UP), True)):
        made = release(*conditions)
        made["status"]["inventory"] = {"entries": [{"id": "flux-system_stack_apps_Deployment", "v": "v1"}]}
        verdict = judge(made, deployment, pod)
        assert verdict.first
        assert verdict.first.case == "an image cannot be pulled"
        assert verdict.final == final


def test_a_chart_that_cannot_be_rendered_is_given_up_after_some_attempts() -> None:
    said = "Helm install failed for release a/b: execution error at (x/templates/y.yaml:1:2): no name"
    for failures, final in ((verify.RENDERED - 1, False), (verify.RENDERED, True)):
        verdict = judge(release(("Ready", "False", "InstallFailed", said), failures=failures))
        assert verdict.first
        assert verdict.first.case == "a chart cannot be rendered"
        assert verdict.final == final
    raced = said.replace("execution error at", 'unable to build kubernetes objects: no matches for kind "Canary"')
    verdict = judge(release(("Ready", "False", "InstallFailed", raced), failures=20))
    assert not verdict.final


def test_the_source_that_a_release_refers_to_is_its_cause() -> None:
    referring = flux(
        "HelmRelease", "stack", "OCIRepository 'flux-system/stack' is not ready: does not have an artifact"
    )
    referring["spec"] = {"chartRef": {"kind": "OCIRepository", "name": "stack"}}
    source = flux("OCIRepository", "stack", "failed to determine artifact digest: 404")
    verdict = judge(referring, source)
    assert verdict.first
    assert verdict.first.key.kind == "OCIRepository"


def test_a_release_that_has_drifted_is_told_although_it_is_ready() -> None:
    ready = ("Ready", "True", "InstallSucceeded", "ok")
    message = "Cluster state of release flux-system/stack.v1 has drifted from the desired state:\nConfigMap/a/b changed"
    seen = snapshot.of([release(ready, ("Drifted", "True", "DriftDetected", message))])
    assert verify.drifted(seen) == [f"HelmRelease flux-system/stack: {' '.join(message.split())}"]
    assert verify.drifted(snapshot.of([release(ready, ("Drifted", "False", "NoDriftDetected", ""))])) == []


def test_a_controller_whose_pod_fails_is_the_cause_of_all_else() -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "source-controller-x", "namespace": "flux-system", "labels": {"app": "source-controller"}},
        "spec": {},
        "status": {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
    }
    dead = [controller(name, ready=int(name != "source-controller")) for name in SETTINGS.all_components]
    verdict = verify.judge(snapshot.of([*dead, flux("GitRepository", "flux-system", "stale"), pod]), WANTED)
    assert verdict.first
    assert str(verdict.first.key) == "Pod flux-system/source-controller-x"
    assert verdict.first.advice == "read why: kubectl logs -n flux-system source-controller-x --previous"


def test_an_older_revision_version_or_generation_is_not_well() -> None:
    behind = flux("Kustomization", "flux-system")
    behind["status"]["lastAppliedRevision"] = "main@sha1:" + "f" * 40
    assert "pushed is 0123456789ab" in judge(behind).problems[0].message
    assert not judge(flux("Kustomization", "flux-system", observed=0)).good
    old = [controller(name, version="1.0.0") for name in SETTINGS.all_components]
    verdict = verify.judge(snapshot.of([*old, SOURCE, flux("Kustomization", "flux-system")]), WANTED)
    assert "it runs ghcr.io/fluxcd/source-controller:v1.0.0, pinned is v1.9.5" in verdict.problems[0].message


def test_image_objects_are_held_to_it_unless_an_expectation_says_otherwise() -> None:
    silent = flux("ImageRepository", "load-harness", observed=-1)
    silent["status"]["conditions"] = []
    root = flux("Kustomization", "flux-system")
    assert not judge(root, silent).good
    assert judge(root, silent, but=["ImageRepository"]).good


def test_an_empty_cluster_has_no_flux() -> None:
    verdict = verify.judge(snapshot.of([], installed=False), WANTED)
    assert not verdict.good
    assert verdict.first
    assert f"{verdict.first.key}: {verdict.first.message}" == f"Flux {FLUX}: it is not installed"
    assert verdict.first.advice == "`fleet bootstrap run` installs it"


def test_a_namespace_that_is_being_deleted_comes_first_and_names_what_holds_it() -> None:
    held = "Some content in the namespace has finalizers remaining: finalizers.fluxcd.io in 3 resource instances"
    conditions = [
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": held},
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "all resources found"},
    ]
    namespace = {
        "kind": "Namespace",
        "metadata": {"name": "flux-system", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"phase": "Terminating", "conditions": conditions},
    }
    verdict = verify.judge(snapshot.of([namespace], installed=False), WANTED)
    assert verdict.first
    assert (str(verdict.first.key), verdict.first.message) == (
        "Namespace flux-system",
        f"it is being deleted: {held}",
    )
    assert "`flux uninstall`" in verdict.first.advice
    just_now = judge({**namespace, "status": {}}, flux("Kustomization", "flux-system"))
    assert not just_now.good, "what it counts is still there, and goes next"


def test_a_version_that_is_stored_and_no_longer_served_comes_first() -> None:
    name = "gitrepositories.source.toolkit.fluxcd.io"
    status = {"storedVersions": ["v1beta2", "v1"]}
    definition = {"kind": "CustomResourceDefinition", "metadata": {"name": name}, "status": status}
    old = flux("GitRepository", "flux-system", "anything")
    verdict = verify.judge(snapshot.of([*CONTROLLERS, old, definition]), WANTED)
    assert verdict.first
    assert verdict.first.key.name == name
    assert "have v1beta2, and" in verdict.first.message
    assert verdict.first.advice.startswith("`flux migrate`")
    status["storedVersions"] = ["v1"]
    assert judge(definition, flux("Kustomization", "flux-system")).good


def test_a_suspended_root_is_the_cause_of_all_that_is_right_in_git() -> None:
    verdict = judge(
        flux("Kustomization", "applications", "wrong until yesterday's commit"),
        flux("Kustomization", "flux-system", suspend=True),
    )
    assert verdict.first
    assert (str(verdict.first.key), verdict.first.message) == (
        "Kustomization flux-system/flux-system",
        "it is suspended",
    )
    assert verdict.first.advice == "flux resume kustomization flux-system -n flux-system"
    source = flux("GitRepository", "flux-system", suspend=True)
    assert "flux resume source git" in judge(source).problems[0].advice


def stalled(**metadata: Any) -> dict[str, Any]:
    release = flux("HelmRelease", "stack", "install retries exhausted")
    release["status"]["conditions"].append({"type": "Stalled", "status": "True", "reason": "RetriesExceeded"})
    release["metadata"] |= metadata
    return release


def test_what_was_said_before_a_request_or_a_commit_ends_no_wait() -> None:
    """A release that has given up is believed once it has seen what is asked of it now."""
    root = flux("Kustomization", "flux-system")
    root["status"]["lastAttemptedRevision"] = f"main@sha1:{REVISION}"
    owner = {f"{verify.OWNER}/name": "flux-system", f"{verify.OWNER}/namespace": "flux-system"}

    def is_final(release: dict[str, Any]) -> bool:
        (problem,) = [each for each in judge(root, release).problems if each.key.kind == "HelmRelease"]
        return problem.final

    assert is_final(stalled())
    assert is_final(stalled(labels=owner))
    asked = stalled(annotations={verify.REQUESTED: "2"})
    assert not is_final(asked)
    asked["status"]["lastHandledReconcileAt"] = "2"
    assert is_final(asked)
    root["status"]["lastAttemptedRevision"] = "main@sha1:" + "f" * 40
    assert not is_final(stalled(labels=owner))
    newer = stalled(generation=2)
    newer["status"]["conditions"][-1]["observedGeneration"] = 1
    assert not is_final(newer)


def test_nothing_is_ticked_of_controllers_that_reconcile_nothing_here() -> None:
    root = flux("Kustomization", "flux-system")
    titles = [check.title for check in judge(root).checks]
    assert titles[0] == "5 Flux controllers are available"
    here, others, *_ = judge(root, but=verify.IMAGE_KINDS).checks
    assert (here.title, here.detail) == ("3 Flux controllers are available", "3 of 3")
    assert others.title == "image-reflector-controller, image-automation-controller"
    assert (others.detail, others.skipped) == ("installed, not checked here", True)


def test_nodes_without_a_way_out_are_no_missing_image() -> None:
    reason = {
        "reason": "ImagePullBackOff",
        "message": 'Back-off pulling image "ghcr.io/fluxcd/x:v1.9.5": ErrImagePull: dial tcp: i/o timeout',
    }
    pod = {
        "kind": "Pod",
        "metadata": {"name": "source-controller-x", "namespace": "flux-system"},
        "spec": {},
        "status": {"containerStatuses": [{"state": {"waiting": reason}}]},
    }
    (problem,) = judge(flux("Kustomization", "flux-system"), pod).problems
    assert (problem.case, "NAT gateway" in problem.advice) == ("nodes cannot reach a registry", True)
    reason["message"] = "manifest unknown"
    (problem,) = judge(flux("Kustomization", "flux-system"), pod).problems
    assert problem.case == "an image cannot be pulled"


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.tuples(st.booleans(), st.lists(st.sampled_from("abcdef"), max_size=3)), min_size=1
    )
)
def test_the_first_cause_is_not_ready_itself_whatever_depends_on_what(graph: dict[str, tuple[bool, list[str]]]) -> None:
    """Circles and missing dependencies included."""
    things = [
        flux("Kustomization", name, "not ready" if bad else "", dependsOn=depends(*needs))
        for name, (bad, needs) in graph.items()
    ]
    verdict = judge(*things)
    bad = {name for name, (broken, _needs) in graph.items() if broken}
    assert (verdict.first is None) == (not bad)
    if verdict.first:
        assert verdict.first.key.name in bad
