"""The schemas in use: real kubeconform on objects of each source, good and spoilt."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks.schemas import Schemas, core, crds, ensure
from infra.contract import versions
from tools.build import find
from tools.catalogue import KUBECONFORM

Validate = Callable[[Sequence[dict[str, Any]]], list[dict[str, str]]]

GOOD: dict[str, dict[str, Any]] = {
    document["kind"]: document for document in yaml.safe_load_all(Path(__file__).with_name("objects.yaml").read_text())
}

UNKNOWN = [
    ("Deployment", ("metadata",)),
    ("Deployment", ("spec", "template", "metadata")),
    ("Deployment", ("spec", "template", "spec", "containers", 0)),
    ("Deployment", ("spec", "template", "spec", "containers", 0, "livenessProbe", "httpGet")),
    ("CustomResourceDefinition", ("spec", "versions", 0, "schema", "openAPIV3Schema")),
    ("ServiceMonitor", ()),
    ("ServiceMonitor", ("metadata",)),
    ("ServiceMonitor", ("spec", "endpoints", 0)),
    ("PrometheusRule", ("spec", "groups", 0, "rules", 0)),
    ("AlertmanagerConfig", ("spec", "receivers", 0)),
    ("HelmRelease", ("spec",)),
    ("HelmRelease", ("spec", "chart", "spec", "sourceRef")),
    ("Kustomization", ("spec", "postBuild")),
    ("GitRepository", ("spec", "ref")),
    ("ImagePolicy", ("spec", "policy", "semver")),
    ("ImageUpdateAutomation", ("spec", "git", "commit")),
    ("Alert", ("spec", "eventSources", 0)),
    ("ClusterIssuer", ("spec", "acme", "solvers", 0, "dns01", "webhook")),
    ("Canary", ("spec", "analysis")),
]

WRONG = [
    ("Deployment", ("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "8080"),
    ("Deployment", ("spec", "strategy", "rollingUpdate", "maxSurge"), [1]),
    ("Deployment", ("spec", "selector"), None),
    ("ServiceMonitor", ("spec", "endpoints", 0, "targetPort"), True),
    ("AlertmanagerConfig", ("spec", "route", "matchers", 0, "matchType"), "=="),
    ("HelmRelease", ("spec", "interval"), "half an hour"),
    ("Kustomization", ("spec", "sourceRef", "kind"), "HelmRepository"),
    ("Kustomization", ("spec", "prune"), "true"),
    ("ClusterIssuer", ("spec", "acme", "server"), 1),
    ("Canary", ("spec", "targetRef"), "load-harness"),
]


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    """Those of the pinned version, made by the first run on a machine."""
    return ensure(versions.KUBERNETES_DEFAULT, print)


@pytest.fixture(scope="session")
def validate(schemas: Schemas) -> Validate:
    """Gives kubeconform's verdict on each object."""
    kubeconform = find(KUBECONFORM, print)
    locations = [f"-schema-location={location}" for location in schemas.locations]

    def run(objects: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
        done = subprocess.run(
            [kubeconform, *locations, "-output=json", "-verbose", "-n=1"],
            input="\n---\n".join(json.dumps(each) for each in objects),
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout)["resources"]

    return run


def at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def test_good_objects_of_each_source_are_accepted(validate: Validate):
    verdicts = {verdict["kind"]: (verdict["status"], verdict["msg"]) for verdict in validate(list(GOOD.values()))}

    assert verdicts == dict.fromkeys(GOOD, ("statusValid", ""))


@pytest.mark.parametrize(("kind", "path"), UNKNOWN, ids=lambda value: value if isinstance(value, str) else None)
def test_an_unknown_field_is_refused_by_name(validate: Validate, kind: str, path: tuple[str | int, ...]):
    spoilt = copy.deepcopy(GOOD[kind])
    at(spoilt, path)["tpyo"] = "x"
    (verdict,) = validate([spoilt])

    assert verdict["status"] == "statusInvalid"
    assert "'tpyo' not allowed" in verdict["msg"]


@pytest.mark.parametrize(("kind", "path", "value"), WRONG)
def test_a_value_that_cannot_be_is_refused(validate: Validate, kind: str, path: tuple[str | int, ...], value: Any):
    spoilt = copy.deepcopy(GOOD[kind])
    assert at(spoilt, path) != value
    at(spoilt, path[:-1])[path[-1]] = value
    if value is None:
        del at(spoilt, path[:-1])[path[-1]]
    (verdict,) = validate([spoilt])

    assert verdict["status"] == "statusInvalid"
    assert str(path[-1]) in verdict["msg"]


def test_kubeconform_can_read_the_schema_of_every_kind(schemas: Schemas, validate: Validate):
    objects = [
        {"apiVersion": f"{group}/{version}" if group else version, "kind": kind, "metadata": {"name": "x"}}
        for group, version, kind in schemas.kinds
    ]
    verdicts = validate(objects)

    assert len(verdicts) == len(objects) > 90
    assert {verdict["status"] for verdict in verdicts} == {"statusValid", "statusInvalid"}


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("example.test/v1", "Thing"),
        ("apps/v1beta1", "Deployment"),
        ("helm.toolkit.fluxcd.io/v2beta1", "HelmRelease"),
        ("monitoring.coreos.com/v1beta1", "AlertmanagerConfig"),
        ("resource.k8s.io/v1beta2", "ResourceClaim"),
        ("autoscaling/v1", "Scale"),
    ],
)
def test_a_kind_that_no_cluster_of_the_platform_serves_has_no_schema(
    schemas: Schemas, validate: Validate, api_version: str, kind: str
):
    group, _, version = api_version.rpartition("/")
    (verdict,) = validate([{"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}])

    assert verdict["status"] == "statusError"
    assert verdict["msg"].startswith("could not find schema")
    assert (group, version, kind) not in schemas.kinds


@pytest.mark.parametrize(
    ("kind", "namespaced"),
    [
        (("", "v1", "Namespace"), False),
        (("", "v1", "Service"), True),
        (("apps", "v1", "Deployment"), True),
        (("rbac.authorization.k8s.io", "v1", "ClusterRole"), False),
        (("rbac.authorization.k8s.io", "v1", "Role"), True),
        (("cert-manager.io", "v1", "ClusterIssuer"), False),
        (("cert-manager.io", "v1", "Issuer"), True),
        (("monitoring.coreos.com", "v1", "PodMonitor"), True),
        (("flagger.app", "v1beta1", "MetricTemplate"), True),
    ],
)
def test_every_kind_says_whether_it_has_a_namespace(schemas: Schemas, kind: core.Kind, namespaced: bool):
    assert schemas.kinds[kind] is namespaced


def test_the_table_of_cluster_scoped_kinds_names_kinds_that_are_served(schemas: Schemas):
    assert {kind for _, _, kind in schemas.kinds} >= core.CLUSTER_SCOPED


def test_the_custom_resources_of_every_pinned_module_are_read():
    assert crds.SHIPPED.keys() | crds.GENERATED.keys() == versions.CRD_MODULES.keys()
