"""From a cold start to everything Ready, and the day after that: commits, suspension, pruning, a rebuild."""

from __future__ import annotations

import html
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from common.kubernetes import api, objects
from infra.contract.outputs import CONFIG_MAP_KEYS
from infra.contract.versions import FLUX
from sandbox.cluster import life, processes
from tests.k8s.test_chart_facts import MAY_READ_SECRETS
from tests.support.checkout import REPOSITORY
from tests.support.clusters import HANG, Town, everything
from tests.support.engine import executable

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "k8s/applications/load-harness/note.yaml"
KUSTOMIZATION = "k8s/applications/load-harness/kustomization.yaml"
CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata:
  name: note
  namespace: applications
data:
  text: {}
"""


@pytest.fixture(scope="module")
def report(town: Town, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the first run of this file's town said."""
    summary = tmp_path_factory.mktemp("summary") / "summary.md"
    said = town.bootstrap("run", "--json", environment={"GITHUB_STEP_SUMMARY": str(summary)})
    return {**said.json, "markdown": summary.read_text(), "lines": said.err}


def test_a_plan_touches_nothing_and_says_what_would_be_pushed(town: Town) -> None:
    before, head = everything(town.cluster), town.head
    said = town.bootstrap("plan").out
    assert "would commit and push k8s/flux-system/flux-system/gotk-components.yaml" in said
    assert "ConfigMap: VPC_ID: absent → vpc-" in said
    assert (everything(town.cluster), town.head) == (before, head)


def test_a_plan_before_the_stack_is_up_says_what_is_known_without_a_cluster(town: Town, tmp_path: Path) -> None:
    """As the rebuild runs it first; and refuses what would fail after everything is built."""
    executable(tmp_path / "pulumi", "echo '{}'")
    down = {"PATH": f"{tmp_path}:{town.environment['PATH']}"}
    said = town.bootstrap("plan", environment=down).out.splitlines()
    assert said[0] == "the stack staging is not up: what a cluster has is not looked at"
    assert said[-1].startswith("would commit and push k8s/flux-system/flux-system/gotk-components.yaml")
    town.switch(protected=True)
    assert "main takes no push of this token" in town.bootstrap("plan", environment=down, code=1).last
    town.switch(protected=False)
    no_region = {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
    assert "no AWS region is set" in town.bootstrap("plan", environment={**down, **no_region}, code=2).last


def test_the_status_of_a_cluster_without_flux_begins_with_that_and_what_to_do(town: Town) -> None:
    assert town.bootstrap("status", code=1).out.splitlines()[:2] == [
        f"first cause: Flux {FLUX}: it is not installed",
        "→ `fleet bootstrap run` installs it",
    ]


def test_everything_is_ready_the_first_time_from_a_cold_start(report: dict[str, Any], town: Town) -> None:
    """No reconciliation fails on the way, and verification waits for all of its checks."""
    assert report["good"], report
    assert [step["name"] for step in report["steps"]] == ["outputs", "access", "health", "config", "flux", "verify"]
    assert {step["outcome"] for step in report["steps"]} == {"done"}
    assert all(check["done"] for check in report["checks"])
    assert report["urls"] == [f"http://{_address(town)}/"]
    shown = html.unescape(re.sub(r"</?code>", "", report["markdown"]))
    assert "✓ Flux owns the cluster" in shown
    assert f"http://{_address(town)}/" in shown
    for title in ("3 Flux controllers are available", "GitRepository has fetched", "application pods run"):
        assert title in report["lines"]


def test_what_is_applied_is_what_is_committed(report: dict[str, Any], town: Town) -> None:
    """The Git host has the clone's own commit, and two of flux above it, which touch the gotk files alone."""
    assert report["good"]
    ours = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, text=True).strip()
    (owner,) = town.layout.repositories.iterdir()
    (bare,) = owner.glob("*.git")
    changed = subprocess.check_output(["git", "-C", bare, "diff", "--name-only", ours, "main"], text=True).split()
    folder = "k8s/flux-system/flux-system"
    assert changed == [f"{folder}/gotk-components.yaml", f"{folder}/gotk-sync.yaml"]


def test_the_config_map_has_the_contracts_keys_and_no_other(report: dict[str, Any], town: Town) -> None:
    assert report["good"]
    found = town.cluster.get(api.CONFIG_MAP, "terraform-outputs", "flux-system") or {}
    assert found["data"].keys() == set(CONFIG_MAP_KEYS.values())
    assert found["metadata"]["labels"]["reconcile.fluxcd.io/watch"] == "Enabled"
    managers = {each["manager"] for each in found["metadata"]["managedFields"]}
    assert managers == {"infra-fleet-bootstrap"}


def test_what_flux_would_write_is_what_render_writes(report: dict[str, Any], town: Town, tmp_path: Path) -> None:
    assert report["good"]
    town.bootstrap("render", f"--cwd={tmp_path}")
    (owner,) = town.layout.repositories.iterdir()
    (bare,) = owner.glob("*.git")
    for name in ("gotk-components.yaml", "gotk-sync.yaml"):
        path = f"k8s/flux-system/flux-system/{name}"
        pushed = subprocess.check_output(["git", "-C", bare, "show", f"main:{path}"], text=True)
        assert (tmp_path / path).read_text() == pushed


def test_the_load_balancer_is_in_the_account_with_the_controllers_tags(report: dict[str, Any], town: Town) -> None:
    assert report["good"]
    elb = town.aws("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    (tags,) = elb.describe_tags(ResourceArns=[balancer["LoadBalancerArn"]])["TagDescriptions"]
    assert {tag["Key"]: tag["Value"] for tag in tags["Tags"]} == {
        "elbv2.k8s.aws/cluster": "staging",
        "ingress.k8s.aws/stack": "applications/load-harness",
        "ingress.k8s.aws/resource": "LoadBalancer",
    }
    assert balancer["DNSName"] == _address(town)
    # Nobody outside the VPC may reach it, unless the settings say so.
    assert balancer["Scheme"] == "internal"


CAN_READ = ("auth", "can-i", "get", "secrets", "--namespace=flux-system")


def succeeds(town: Town, *arguments: str, text: str = "") -> bool:
    """Whether kubectl does what it is told."""
    command = [town.kubectl_path, f"--kubeconfig={town.layout.kubeconfig}", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=HANG).returncode == 0


def test_nobody_reads_secrets_but_flux_and_the_operator(report: dict[str, Any], town: Town) -> None:
    del report
    said = town.kubectl("get", "serviceaccounts", "--all-namespaces", "-o", "json")
    accounts = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in json.loads(said)["items"]]
    readers = {
        f"{namespace}/{name}"
        for namespace, name in accounts
        # Those of kube-system are Kubernetes' own controllers and EKS' add-ons, but for this one.
        if namespace != "kube-system" or name == "aws-load-balancer-controller"
        if succeeds(town, *CAN_READ, f"--as=system:serviceaccount:{namespace}:{name}")
    }
    assert {each for each in readers if not each.startswith("flux-system/")} == MAY_READ_SECRETS
    assert "flux-system/kustomize-controller" in readers


INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: another, namespace: applications}
spec: {ingressClassName: alb, defaultBackend: {service: {name: load-harness, port: {number: 80}}}}
"""


def test_no_ingress_is_taken_while_no_load_balancer_controller_answers(report: dict[str, Any], town: Town) -> None:
    del report
    apply = ("apply", "--dry-run=server", "--filename=-")
    town.kubectl(*apply, text=INGRESS)
    town.sandbox("cluster", "stop", "aws-load-balancer-controller")
    try:
        town.until(lambda: not succeeds(town, *apply, text=INGRESS))
        said = town.kubectl(*apply, text=INGRESS, code=1)
    finally:
        town.sandbox("cluster", "start", "aws-load-balancer-controller")
    assert 'failed calling webhook "vingress.elbv2.k8s.aws"' in said
    town.until(lambda: succeeds(town, *apply, text=INGRESS))


def test_a_second_run_commits_nothing_and_changes_nothing(report: dict[str, Any], town: Town) -> None:
    assert report["good"]
    before, head = everything(town.cluster), town.head
    said = town.bootstrap("run").err
    assert "0 keys changed; secrets written: none" in said
    assert town.head == head
    assert everything(town.cluster) == before
    assert "nothing to push" in town.bootstrap("plan").out


def test_another_path_is_refused_before_anything_is_pushed(report: dict[str, Any], town: Town) -> None:
    assert report["good"]
    head = town.head
    for command in ("plan", "run"):
        said = town.bootstrap(command, settings={"path": "k8s/elsewhere"}, code=1).last
        assert "Flux follows k8s/flux-system in this cluster, and `path` in bootstrap.yaml is k8s/elsewhere" in said
    assert town.head == head


def test_main_may_be_protected_once_nothing_is_left_to_push(report: dict[str, Any], town: Town) -> None:
    assert report["good"]
    town.switch(protected=True)
    town.bootstrap("run")
    town.switch(protected=False)


def test_a_commit_is_seen_in_the_cluster_and_what_leaves_git_leaves_it(report: dict[str, Any], town: Town) -> None:
    assert report["good"]
    before = (REPOSITORY / KUSTOMIZATION).read_text()
    with_note = before.replace("resources:\n", "resources:\n  - note.yaml\n")
    town.commit({NOTE: CONFIG_MAP.format("hello"), KUSTOMIZATION: with_note})
    town.sync()
    assert town.until(lambda: town.cluster.get(api.CONFIG_MAP, "note", "applications"))["data"] == {"text": "hello"}
    town.commit({NOTE: None, KUSTOMIZATION: before})
    town.sync()
    town.until(lambda: town.cluster.get(api.CONFIG_MAP, "note", "applications") is None)


def test_what_is_suspended_stays_as_it_is_until_it_is_resumed(report: dict[str, Any], town: Town) -> None:
    assert report["good"]
    metadata = {"name": "applications", "namespace": "flux-system"}
    town.cluster.merge(api.KUSTOMIZATION, {"metadata": metadata, "spec": {"suspend": True}}, "flux")
    before = (REPOSITORY / KUSTOMIZATION).read_text()
    with_note = before.replace("resources:\n", "resources:\n  - note.yaml\n")
    town.commit({NOTE: CONFIG_MAP.format("late"), KUSTOMIZATION: with_note})
    town.sync()
    town.until(lambda: town.ready(api.KUSTOMIZATION, "infrastructure-configs").endswith(town.head))
    assert town.cluster.get(api.CONFIG_MAP, "note", "applications") is None
    said = town.bootstrap("status", code=1)
    assert "flux resume kustomization applications" in said.out
    town.cluster.merge(api.KUSTOMIZATION, {"metadata": metadata, "spec": {"suspend": False}}, "flux")
    town.until(lambda: town.cluster.get(api.CONFIG_MAP, "note", "applications"))
    town.commit({NOTE: None, KUSTOMIZATION: before})
    town.sync()
    town.until(lambda: town.cluster.get(api.CONFIG_MAP, "note", "applications") is None)


def test_changed_outputs_are_shown_and_reach_the_manifests(report: dict[str, Any], town: Town, tmp_path: Path) -> None:
    assert report["good"]
    outputs = json.loads(town.sandbox("outputs", "--", "--json").partition("\n{")[2].join(["{", ""]))
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({**outputs, "ingress_cidrs": "203.0.113.0/24"}))
    shown = town.bootstrap("configmap", "--diff", f"--outputs={file}", code=1).out
    assert "INGRESS_CIDRS: 10.0.0.0/16 → 203.0.113.0/24" in shown
    assert len(shown.strip().splitlines()) == 1
    town.bootstrap("configmap", f"--outputs={file}")
    town.until(lambda: _annotation(town) == "203.0.113.0/24")  # by the watch label: nobody asked Flux
    town.bootstrap("configmap")
    town.until(lambda: _annotation(town) == "10.0.0.0/16")


def test_a_suspension_sticks(report: dict[str, Any], town: Town) -> None:
    """kubectl's would be taken over by the parent's next reconciliation (fluxcd/pkg, ssa/patch.go)."""
    assert report["good"]
    town.sandbox("teardown", "--", "drain", "--yes", "--clear=60")
    town.reconcile(api.KUSTOMIZATION, "flux-system")
    suspended = [each["spec"].get("suspend") for each in town.cluster.list(api.KUSTOMIZATION)]
    assert suspended == [True] * 5
    assert town.cluster.list(api.INGRESS) == []


def test_a_rebuilt_stack_is_bootstrapped_without_a_push(report: dict[str, Any], town: Town) -> None:
    assert report["good"]
    head = town.head
    ingress = {"name": "load-harness", "namespace": "applications"}
    for name in ("flux-system", "applications"):
        metadata = {"name": name, "namespace": "flux-system"}
        town.cluster.merge(api.KUSTOMIZATION, {"metadata": metadata, "spec": {"suspend": True}}, "flux")
    town.cluster.delete(api.INGRESS, ingress["name"], ingress["namespace"])
    town.until(lambda: town.cluster.get(api.INGRESS, **ingress) is None)
    assert town.aws("elbv2").describe_load_balancers()["LoadBalancers"] == []
    town.sandbox("destroy")
    town.until(lambda: life.find(town.layout) is None)
    town.until(lambda: not processes.found(town.layout))
    assert "no cluster is up" in town.sandbox("cluster", "status", code=2)
    down = town.bootstrap("status", code=1).text
    assert "the stack staging is down, since " in down
    town.up()
    assert town.cluster.list(api.POD, "flux-system") == []
    said = town.bootstrap("run")
    assert "committed" not in said.err
    assert town.head == head


def _address(town: Town) -> str:
    ingress = town.cluster.get(api.INGRESS, "load-harness", "applications") or {}
    return objects.text(objects.mappings(ingress, "status", "loadBalancer", "ingress")[0], "hostname")


def _annotation(town: Town) -> str:
    ingress = town.cluster.get(api.INGRESS, "load-harness", "applications") or {}
    return objects.text(ingress, "metadata", "annotations", "alb.ingress.kubernetes.io/inbound-cidrs")
