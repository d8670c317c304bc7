"""Each problem of the troubleshooting pages, produced on the cluster: status names the first cause and the remedy."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bootstrap.advice import CASES
from common.kubernetes import api, objects
from tests.support.checkout import REPOSITORY
from tests.support.excerpts import excerpt, missing

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.support.clusters import Town

DOCUMENTS = [REPOSITORY / "docs" / f"troubleshooting-{part}.md" for part in ("flux", "releases")]
HARNESS = "k8s/applications/load-harness"
KUSTOMIZATION = f"{HARNESS}/kustomization.yaml"
RELEASE = "k8s/infrastructure/aws-load-balancer-controller/helmrelease.yaml"
MONITOR = """apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: early
  namespace: observability
spec:
  selector: {}
  endpoints:
    - port: http
"""


@contextmanager
def committed(town: Town, files: dict[str, str | None]) -> Generator[None]:
    """A commit, which is taken back at the end."""
    town.git("pull", "--quiet", "--rebase", "origin", "main")
    before = {name: (town.clone / name).read_text() if (town.clone / name).exists() else None for name in files}
    town.commit(files)
    try:
        yield
    finally:
        town.commit(before, "Put it right")
        town.sync()
        town.until(lambda: _is_well(town))


def listed(name: str) -> str:
    """The application's kustomization file with one more resource."""
    return (REPOSITORY / KUSTOMIZATION).read_text().replace("resources:\n", f"resources:\n  - {name}\n")


def first(town: Town, case: str) -> dict[str, Any]:
    """The first cause that `status` tells, once it is of a case."""

    def look() -> dict[str, Any] | None:
        found = town.bootstrap("status", "--json", code=1).json["first"]
        return found if found and found["case"] == case else None

    return town.until(look)


def _is_well(town: Town) -> bool:
    return all(
        objects.is_ready(each) and objects.is_observed(each) for each in town.cluster.list(api.KUSTOMIZATION)
    ) and town.ready(api.KUSTOMIZATION, "applications").endswith(town.head)


def test_invalid_yaml(town: Town) -> None:
    broken = (REPOSITORY / KUSTOMIZATION).read_text() + "\tnot: yaml\n"
    with committed(town, {KUSTOMIZATION: broken}):
        town.sync()
        found = first(town, "invalid YAML")
        assert found["object"] == "Kustomization flux-system/applications"
        assert "load-harness" in found["message"]


def test_a_missing_namespace(town: Town) -> None:
    lost = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lost, namespace: nowhere}\n"
    with committed(town, {f"{HARNESS}/lost.yaml": lost, KUSTOMIZATION: listed("lost.yaml")}):
        town.sync()
        found = first(town, "a missing namespace")
        assert found["message"] == 'ConfigMap/nowhere/lost not found: namespaces "nowhere" not found'
        assert found["advice"] == "add the Namespace nowhere to k8s/infrastructure/namespaces"
        shown = excerpt(".venv/bin/fleet bootstrap status")
        assert missing(shown, town.bootstrap("status", code=1).out) == []


def test_an_image_that_cannot_be_pulled(town: Town) -> None:
    unpushed = (REPOSITORY / KUSTOMIZATION).read_text().replace("newTag: v1.0.0", "newTag: v9.9.9")
    with committed(town, {KUSTOMIZATION: unpushed}):
        town.sync()
        found = first(town, "an image cannot be pulled")
        assert found["object"].startswith("Pod applications/load-harness-")
        assert "load-harness:v9.9.9" in found["message"]


def test_the_config_map_is_deleted_after_the_run(town: Town) -> None:
    town.cluster.delete(api.CONFIG_MAP, "terraform-outputs", "flux-system")
    town.reconcile(api.KUSTOMIZATION, "infrastructure")
    found = first(town, "the ConfigMap is missing")
    assert "fleet bootstrap configmap" in found["advice"]
    town.bootstrap("configmap")
    for kustomization in town.cluster.list(api.KUSTOMIZATION):
        town.reconcile(api.KUSTOMIZATION, kustomization["metadata"]["name"])
    town.until(lambda: _is_well(town))


def test_the_git_host_refuses_the_credentials_later(town: Town) -> None:
    town.switch(rejected=True)
    try:
        town.reconcile(api.GIT_REPOSITORY, "flux-system")
        found = first(town, "the Git host refuses the credentials")
        assert "FLUX_GITHUB_TOKEN" in found["advice"]
        assert "token: localhost" in town.bootstrap("status", code=1).out
    finally:
        town.switch(rejected=False)
    town.sync()
    town.until(lambda: _is_well(town))
    assert "token: expires on " in town.bootstrap("status").out


def test_the_cluster_cannot_reach_the_git_host(town: Town) -> None:
    town.switch(fault=503)
    try:
        town.reconcile(api.GIT_REPOSITORY, "flux-system")
        assert "NAT gateway" in first(town, "the cluster cannot reach the Git host")["advice"]
    finally:
        town.switch(fault=0)
    town.sync()
    town.until(lambda: _is_well(town))


def test_the_guides_case_of_a_crd_felt_and_put_right(town: Town) -> None:
    """A ServiceMonitor next to the chart that brings its CRD, on a cluster that has neither yet."""
    crd = "servicemonitors.monitoring.coreos.com"
    folder = "k8s/infrastructure/observability"
    before = (REPOSITORY / folder / "kustomization.yaml").read_text()
    wrong = before.replace("resources:\n", "resources:\n  - early.yaml\n")
    for name in ("infrastructure-configs", "applications"):
        _suspend(town, name, suspended=True)
    town.commit(
        {
            f"{folder}/kube-prometheus-stack/helmrelease.yaml": None,
            f"{folder}/kube-prometheus-stack/kustomization.yaml": None,
            f"{folder}/kustomization.yaml": before.replace("  - kube-prometheus-stack\n", ""),
        }
    )
    town.sync()
    town.until(lambda: town.cluster.get(api.HELM_RELEASE, "kube-prometheus-stack", "observability") is None)
    for definition in town.cluster.list(api.CUSTOM_RESOURCE_DEFINITION):
        if definition["spec"]["group"] == "monitoring.coreos.com":
            town.cluster.delete(api.CUSTOM_RESOURCE_DEFINITION, definition["metadata"]["name"])
    town.until(lambda: town.cluster.get(api.CUSTOM_RESOURCE_DEFINITION, crd) is None)
    town.sandbox("cluster", "stop", "kustomize-controller")  # which remembers the kinds that it has seen
    town.sandbox("cluster", "start", "kustomize-controller")
    back = {
        name: (REPOSITORY / name).read_text()
        for name in (
            f"{folder}/kube-prometheus-stack/helmrelease.yaml",
            f"{folder}/kube-prometheus-stack/kustomization.yaml",
        )
    }
    town.commit({**back, f"{folder}/kustomization.yaml": wrong, f"{folder}/early.yaml": MONITOR})
    town.sync()
    found = first(town, "a missing CRD")
    assert found["object"] == "Kustomization flux-system/infrastructure"
    assert found["message"] == (
        "ServiceMonitor/observability/early dry-run failed: "
        'no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"'
    )
    assert "such as applications" in found["advice"]
    assert town.cluster.get(api.HELM_RELEASE, "kube-prometheus-stack", "observability") is None  # a deadlock
    apps = "k8s/applications/observability"
    moved = (REPOSITORY / apps / "kustomization.yaml").read_text()
    town.commit(
        {
            f"{folder}/kustomization.yaml": before,
            f"{folder}/early.yaml": None,
            f"{apps}/early.yaml": MONITOR,
            f"{apps}/kustomization.yaml": moved.replace("resources:\n", "resources:\n  - early.yaml\n"),
        }
    )
    for name in ("infrastructure-configs", "applications"):
        _suspend(town, name, suspended=False)
    town.sync()
    town.until(lambda: _is_well(town))
    assert town.cluster.get(api.CUSTOM_RESOURCE_DEFINITION, crd)


def test_a_chart_cannot_be_rendered(town: Town) -> None:
    wrong = (REPOSITORY / RELEASE).read_text().replace("clusterName: ${CLUSTER_NAME}", 'clusterName: ""')
    with committed(town, {RELEASE: wrong}):
        town.sync()
        found = first(town, "a chart cannot be rendered")
        assert found["object"] == "HelmRelease kube-system/aws-load-balancer-controller"
        assert "clusterName is required" in found["message"]


def test_a_release_is_stalled(town: Town) -> None:
    wrong = (REPOSITORY / RELEASE).read_text().replace("replicaCount: 2", "replicaCount: -1")
    with committed(town, {RELEASE: wrong}):
        town.sync()
        found = first(town, "a release is stalled")
        assert found["object"] == "HelmRelease kube-system/aws-load-balancer-controller"
        assert found["message"].startswith("Helm upgrade failed for release kube-system/aws-load-balancer-controller")
        assert "spec.replicas: Invalid value: -1" in found["message"]
        assert found["advice"].endswith(
            "flux reconcile helmrelease aws-load-balancer-controller -n kube-system --reset"
        )


def test_an_image_policy_without_a_match(town: Town) -> None:
    """Its condition as image-reflector-controller documents it: the controller itself is not available here."""
    metadata = {"name": "load-harness", "namespace": "flux-system"}
    message = "cannot determine latest tag for policy: no image found for policy"
    condition = {"type": "Ready", "status": "False", "reason": "DependencyNotReady", "message": message}
    now = {"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    repository = {
        **condition,
        **now,
        "status": "True",
        "reason": "Succeeded",
        "message": "successful scan: found 0 tags",
    }
    for kind, said in ((api.IMAGE_REPOSITORY, repository), (api.IMAGE_POLICY, {**condition, **now})):
        status = {"observedGeneration": 1, "conditions": [said]}
        town.cluster.merge_status(kind, {"metadata": metadata, "status": status}, "image-reflector-controller")
    said = town.bootstrap("verify", "--json", code=1, expect=False)
    assert said.json["first"]["case"] == "an image policy matches nothing"
    assert said.json["first"]["advice"] == "push an image whose tag the policy takes: vX.Y.Z"


def test_pods_are_not_starting(town: Town) -> None:
    """Flux's own: its arguments are wrong in the cluster, and nobody is left to put them right."""
    town.sandbox("cluster", "stop", "kustomize-controller")
    patch = '[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--no-such-flag"}]'
    where = ("-n", "flux-system", "patch", "deployment", "source-controller", "--type=json", f"--patch={patch}")
    town.kubectl(*where)
    try:
        found = first(town, "pods are not starting")
        assert found["object"].startswith("Pod flux-system/")
        assert "kubectl logs -n flux-system" in found["advice"]
    finally:
        undo = '[{"op": "remove", "path": "/spec/template/spec/containers/0/args/7"}]'
        town.kubectl(*where[:-1], f"--patch={undo}")
        town.sandbox("cluster", "start", "kustomize-controller")
    town.until(lambda: _is_well(town))


def test_a_mended_commit_needs_one_run(town: Town) -> None:
    """The root's condition is still that of the commit before, and its next look is minutes away."""
    root = "k8s/flux-system/flux-system/kustomization.yaml"
    whole = (REPOSITORY / root).read_text()
    town.commit({root: whole.replace("resources:\n", "resources:\n  - nowhere.yaml\n")})
    town.reconcile(api.GIT_REPOSITORY, "flux-system")
    town.until(lambda: "nowhere.yaml" in town.ready(api.KUSTOMIZATION, "flux-system"))
    town.commit({root: whole}, "Mend it")
    town.bootstrap("run")
    assert _is_well(town)


def test_a_suspended_root(town: Town) -> None:
    _suspend(town, "flux-system", suspended=True)
    said = town.bootstrap("status", code=1).out.splitlines()
    assert said[0] == "first cause: Kustomization flux-system/flux-system: it is suspended"
    assert said[1] == "→ flux resume kustomization flux-system -n flux-system"
    refused = town.bootstrap("run", code=1).last
    assert refused == "bootstrap: Kustomization flux-system/flux-system: it is suspended: " + said[1].removeprefix("→ ")
    _suspend(town, "flux-system", suspended=False)
    town.bootstrap("run")


def test_an_old_version_that_is_stored(town: Town) -> None:
    """As a Flux before 2.7 left it: the API server would refuse the new definition after the push."""
    name = "gitrepositories.source.toolkit.fluxcd.io"
    definition = town.cluster.get(api.CUSTOM_RESOURCE_DEFINITION, name) or {}
    current = definition["spec"]["versions"]
    old = [{**current[0], "name": "v1beta2", "storage": False, "served": False}]
    town.sandbox("cluster", "stop", "kustomize-controller")  # it would put the definition right
    _versions(town, name, [*current, *old], ["v1beta2", "v1"])
    try:
        found = first(town, "an old version is stored")
        assert found["object"] == f"CustomResourceDefinition {name}"
        for command in ("plan", "run"):
            assert "its storedVersions have v1beta2" in town.bootstrap(command, code=1).last
    finally:
        _versions(town, name, [*current, *old], ["v1"])
        _versions(town, name, current, ["v1"])
        town.sandbox("cluster", "start", "kustomize-controller")


def test_every_case_has_its_place_in_the_document() -> None:
    headings = [
        line.removeprefix("## ").strip()
        for document in DOCUMENTS
        for line in document.read_text().splitlines()
        if line.startswith("## ")
    ]
    assert {case.name for case in CASES} <= set(headings)
    assert sorted(set(headings) - {"What next"}) == sorted(title for title in headings if title != "What next")


def _suspend(town: Town, name: str, *, suspended: bool) -> None:
    metadata = {"name": name, "namespace": "flux-system"}
    town.cluster.merge(api.KUSTOMIZATION, {"metadata": metadata, "spec": {"suspend": suspended}}, "flux")


def _versions(town: Town, name: str, versions: list[Any], stored: list[str]) -> None:
    """Set what a definition has and says that it has stored."""
    for part, patch in (("", {"spec": {"versions": versions}}), ("status", {"status": {"storedVersions": stored}})):
        subresource = [f"--subresource={part}"] if part else []
        town.kubectl("patch", "crd", name, "--type=merge", f"--patch={json.dumps(patch)}", *subresource)
