"""What a general check of a Flux repository cannot know of k8s/: the contract, and numbers that belong together."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra.contract import names, versions
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

Manifest = dict[str, Any]

K8S = REPOSITORY / "k8s"
DOCUMENT = REPOSITORY / "docs" / "k8s.md"
GENERATED = ("gotk-components.yaml", "gotk-sync.yaml")
PREFIX = "alb.ingress.kubernetes.io/"
UNITS = {"m": 1, "": 1000, "Ki": 2**10 * 1000, "Mi": 2**20 * 1000, "Gi": 2**30 * 1000}


@cache
def tree() -> dict[Path, list[Manifest]]:
    """The manifests of each file that is written by hand."""
    paths = (path for path in sorted(K8S.rglob("*.yaml")) if path.name not in GENERATED)
    return {path: list(yaml.safe_load_all(path.read_text())) for path in paths}


def objects(kind: str, group: str = "") -> list[Manifest]:
    everything = (manifest for manifests in tree().values() for manifest in manifests)
    return [item for item in everything if item["kind"] == kind and item["apiVersion"].startswith(group)]


def one(kind: str, name: str) -> Manifest:
    (found,) = (item for item in objects(kind) if item["metadata"]["name"] == name)
    return found


def container() -> Manifest:
    (found,) = one("Deployment", "load-harness")["spec"]["template"]["spec"]["containers"]
    return found


def thousandths(quantity: str) -> int:
    """A quantity of CPU or memory in thousandths of a core or byte."""
    number, unit = re.fullmatch(r"(\d+)(\D*)", quantity).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return int(number) * UNITS[unit]


def releases() -> list[Manifest]:
    return objects("HelmRelease")


def test_charts_are_those_of_the_contract() -> None:
    charts = [release["spec"]["chart"]["spec"] for release in releases()]
    assert {chart["chart"]: chart["version"] for chart in charts} == versions.CHARTS


def test_the_load_balancer_controller_is_the_release_that_its_policy_comes_from() -> None:
    source = json.loads((REPOSITORY / "infra" / "iam" / "load-balancer-controller.json").read_text())["source"]
    version = one("HelmRelease", "aws-load-balancer-controller")["spec"]["chart"]["spec"]["version"]
    assert f" v{version}, " in source


def test_the_load_balancer_controller_runs_as_whom_its_role_trusts() -> None:
    release = one("HelmRelease", "aws-load-balancer-controller")
    account = release["spec"]["values"]["serviceAccount"]["name"]
    subject = f"system:serviceaccount:{release['metadata']['namespace']}:{account}"
    assert f"id/A:sub: {subject}\n" in (REPOSITORY / "tests" / "infra" / "goldens" / "default.yaml").read_text()


@pytest.mark.parametrize("release", releases(), ids=lambda release: release["metadata"]["name"])
@pytest.mark.parametrize("action", ["install", "upgrade"])
def test_a_chart_brings_its_crds_and_tries_again(release: Manifest, action: str) -> None:
    assert release["spec"][action] == {"crds": "CreateReplace", "remediation": {"retries": 3}}


def test_the_service_webhook_cannot_block_the_others() -> None:
    values = one("HelmRelease", "aws-load-balancer-controller")["spec"]["values"]
    assert values["enableServiceMutatorWebhook"] is False


def test_what_eks_hides_is_not_scraped_and_no_monitor_is_overlooked() -> None:
    values = one("HelmRelease", "kube-prometheus-stack")["spec"]["values"]
    hidden = ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy")
    assert [values[component]["enabled"] for component in hidden] == [False] * 4
    spec = values["prometheus"]["prometheusSpec"]
    selectors = ("serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig")
    assert [spec[f"{selector}SelectorNilUsesHelmValues"] for selector in selectors] == [False] * 5


def test_image_tags_are_looked_up_every_minute() -> None:
    assert [repository["spec"]["interval"] for repository in objects("ImageRepository")] == ["1m"]


def test_chart_repositories_are_read_over_https() -> None:
    assert all(repository["spec"]["url"].startswith("https://") for repository in objects("HelmRepository"))


def test_each_namespace_says_what_its_pods_may() -> None:
    overlay = yaml.safe_load((K8S / "flux-system" / "flux-system" / "kustomization.yaml").read_text())
    (flux,) = (yaml.safe_load(patch["patch"]) for patch in overlay["patches"] if patch["target"]["kind"] == "Namespace")
    enforced = {
        namespace["metadata"]["name"]: namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for namespace in [*objects("Namespace"), flux]
    }
    assert enforced == {"applications": "restricted", "observability": "privileged", "flux-system": "restricted"}


def test_no_waiting_kustomization_takes_the_last_worker() -> None:
    overlay = (K8S / "flux-system" / "flux-system" / "kustomization.yaml").read_text()
    (workers,) = re.findall(r"--concurrent=(\d+)$", overlay, re.MULTILINE)
    assert int(workers) > 1 + len(objects("Kustomization", "kustomize.toolkit.fluxcd.io/"))


def test_all_replicas_and_one_of_a_rollout_fit_the_quota() -> None:
    scaler = one("HorizontalPodAutoscaler", "load-harness")["spec"]
    deployment = one("Deployment", "load-harness")["spec"]
    hard = one("ResourceQuota", "applications")["spec"]["hard"]
    assert "replicas" not in deployment
    pods = scaler["maxReplicas"] + deployment["strategy"]["rollingUpdate"]["maxSurge"]
    assert pods <= int(hard["pods"])
    for level in ("requests", "limits"):
        for resource, quantity in container()["resources"][level].items():
            assert pods * thousandths(quantity) <= thousandths(hard[f"{level}.{resource}"]), (level, resource)


def test_a_pod_outlives_the_draining_of_its_load_balancer() -> None:
    annotations = one("Ingress", "load-harness")["metadata"]["annotations"]
    draining = int(
        annotations[f"{PREFIX}target-group-attributes"].removeprefix("deregistration_delay.timeout_seconds=")
    )
    grace = one("Deployment", "load-harness")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert draining < container()["lifecycle"]["preStop"]["sleep"]["seconds"] < grace


def test_applications_are_open_to_the_networks_that_the_stack_names() -> None:
    annotations = one("Ingress", "load-harness")["metadata"]["annotations"]
    assert annotations[f"{PREFIX}inbound-cidrs"] == "${INGRESS_CIDRS}"
    assert annotations[f"{PREFIX}scheme"] == "${INGRESS_SCHEME}"
    assert one("Ingress", "load-harness")["spec"]["ingressClassName"] == "alb"


def test_the_load_balancer_reaches_the_service_alone_and_prometheus_its_metrics_alone() -> None:
    """No other pod reaches either; metrics have a port that the Ingress does not lead to."""
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    policy = one("NetworkPolicy", "load-harness")["spec"]
    assert policy["podSelector"]["matchLabels"] == one("Service", "load-harness")["spec"]["selector"]
    (from_the_balancer,), (from_prometheus,) = (rule["from"] for rule in policy["ingress"])
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": ports["http"]}], [{"port": ports["metrics"]}]]
    assert from_the_balancer == {"ipBlock": {"cidr": "${LOAD_BALANCER_CIDR}"}}
    assert from_prometheus["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "observability"}
    assert from_prometheus["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}

    service = {port["name"]: port["targetPort"] for port in one("Service", "load-harness")["spec"]["ports"]}
    assert service == {"http": "http", "metrics": "metrics"}
    (rule,) = one("Ingress", "load-harness")["spec"]["rules"]
    assert [path["backend"]["service"]["port"] for path in rule["http"]["paths"]] == [{"name": "http"}]
    (endpoint,) = one("ServiceMonitor", "load-harness")["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("metrics", "/metrics")


def test_the_secrets_that_manifests_read_are_those_that_the_document_asks_for() -> None:
    rows = re.findall(r"^\| `([\w-]+)/([\w-]+)` \| (.+) \| `(/[\w/-]+)` \|$", DOCUMENT.read_text(), re.MULTILINE)
    documented = {name: (namespace, re.findall(r"`([\w-]+)`", keys)) for namespace, name, keys, _ in rows}
    assert {parameter for *_, parameter in rows} == set(names.SECRET_PARAMETERS)

    (api_key,) = (entry["valueFrom"]["secretKeyRef"] for entry in container()["env"] if "valueFrom" in entry)
    assert "optional" not in api_key
    grafana = one("HelmRelease", "kube-prometheus-stack")["spec"]["values"]["grafana"]["admin"]
    signing = one("ImageUpdateAutomation", "load-harness")["spec"]["git"]["commit"]["signingKey"]
    assert documented == {
        api_key["name"]: ("applications", [api_key["key"]]),
        grafana["existingSecret"]: ("observability", [grafana["userKey"], grafana["passwordKey"]]),
        # image-automation-controller reads an SSH key from this key of the Secret.
        signing["secretRef"]["name"]: ("flux-system", ["identity"]),
    }
    assert signing["type"] == "ssh"


def test_the_dashboard_reads_from_the_data_source_that_the_chart_makes() -> None:
    text = (K8S / "applications" / "load-harness" / "dashboard.json").read_text()
    targets = [target for panel in json.loads(text)["panels"] for target in panel["targets"]]
    assert targets
    # The chart's own uid, grafana.sidecar.datasources.uid.
    assert {target["datasource"]["uid"] for target in targets} == {"prometheus"}
