"""What the charts make under our values is known, for the very versions and values that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from checks import chart_facts
from infra.contract import versions
from tests.k8s.chart_facts import digest, facts, readers, releases, render
from tests.k8s.test_tree import objects

if TYPE_CHECKING:
    from pathlib import Path

MAY_READ_SECRETS = {"observability/kube-prometheus-stack-operator"}
"""Beside Flux: the Prometheus Operator, by its chart's own role. docs/security.md says so."""


@pytest.mark.parametrize("chart", versions.CHARTS)
def test_the_facts_are_of_the_chart_and_the_values_that_are_installed(chart: str) -> None:
    known, release = chart_facts.read(chart), releases()[chart]
    said = (known.chart, known.version, known.values)
    installed = (chart, versions.CHARTS[chart], digest(release["spec"]["values"]))
    assert said == installed, f"checks/facts/{chart}.yaml is of another version or other values: run `make chart-facts`"


def test_nobody_reads_secrets_but_flux_and_the_operator() -> None:
    found: set[str] = set()
    for chart in versions.CHARTS:
        known = chart_facts.read(chart)
        found |= {account for role in known.secrets for account in known.bindings.get(role, ())}
    assert found == MAY_READ_SECRETS
    assert dict(readers([*objects("ClusterRole"), *objects("Role")])) == {}, "a role of k8s/ reads Secrets"


def test_grafana_is_bound_to_a_role_of_the_tree_that_reads_config_maps_alone() -> None:
    bound = chart_facts.read("kube-prometheus-stack").bindings
    (role,) = objects("ClusterRole")
    assert bound[f"ClusterRole {role['metadata']['name']}"] == ("observability/kube-prometheus-stack-grafana",)
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "templates/all.yaml": """
apiVersion: v1
kind: List
items:
  - {apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: shop}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: all}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: all}
subjects: [{kind: ServiceAccount, name: shop, namespace: {{ .Release.Namespace }}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  template:
    spec:
      containers:
        - {name: agent, image: agent:1, resources: {requests: {cpu: {{ .Values.cpu }}, memory: 1Gi}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: shop}
webhooks:
  - name: asked.shop
    failurePolicy: Fail
    objectSelector: {matchLabels: {shop: "yes"}}
    rules: [{apiGroups: [""], resources: [pods], operations: [CREATE]}]
  - name: all.shop
    failurePolicy: Fail
    objectSelector: {matchExpressions: [{key: shop, operator: NotIn, values: ["no"]}]}
    rules: [{apiGroups: [shop.example], resources: [orders], operations: [CREATE, UPDATE]}]
""",
    "crds/orders.yaml": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: orders.shop.example}
spec:
  group: shop.example
  names: {kind: Order, plural: orders}
  scope: Cluster
  versions: [{name: v1, served: true}, {name: v0, served: false}]
""",
}


def test_facts_are_read_off_what_helm_renders(tmp_path: Path) -> None:
    for name, text in CHART.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    spec = {"chart": {"spec": {"chart": "shop", "version": "1.0.0"}}, "values": {"cpu": "70m"}}
    release: dict[str, Any] = {"metadata": {"name": "shop", "namespace": "shops"}, "spec": spec}
    found = facts(release, render(release, str(tmp_path)))
    assert found.kinds["networking.k8s.io/v1/IngressClass"] == 1
    assert found.secrets == {"ClusterRole all": ("get",)}
    assert found.bindings == {"ClusterRole all": ("shops/shop",)}
    (agent,) = found.workloads
    assert (agent.namespace, agent.replicas, agent.containers[0].requests) == (
        "shops",
        0,
        {"cpu": "70m", "memory": "1Gi"},
    )
    assert [(each.name, each.kinds, each.is_opt_in) for each in found.webhooks] == [
        ("asked.shop", ("/Pod",), True),
        ("all.shop", ("shop.example/Order",), False),
    ]
    assert found.definitions[0].versions == ("v1",)
    assert yaml.safe_load(yaml.safe_dump(found.model_dump(mode="json")))["values"] == digest({"cpu": "70m"})
