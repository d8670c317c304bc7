"""Writes `checks/facts/`: what the charts of `k8s/` make under its values, as `helm template` renders them.

make chart-facts                                      # from the charts' own repositories
make chart-facts ARGS="kube-prometheus-stack=FOLDER"  # from a chart's folder, with its dependencies in charts/
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from checks import chart_facts
from checks.chart_facts import ChartFacts, Container, Definition, Webhook, Workload
from checks.manifests import Loader, at, listed, mapping, mappings
from common.console import Console, give
from common.errors import FleetError
from infra.contract.versions import KUBERNETES_DEFAULT
from tests.support.checkout import REPOSITORY
from tools import build
from tools.catalogue import HELM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Manifest = dict[str, Any]

READS = frozenset({"get", "list", "watch", "*"})
CORE = {"pods": "Pod", "services": "Service", "ingresses": "Ingress", "namespaces": "Namespace"}
"""Resources of Kubernetes itself that webhooks of charts look at."""
ASKS = ("In", "Exists")
OF_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job")
RELOADER = "--config-reloader-"


def releases() -> dict[str, Manifest]:
    """The HelmReleases of `k8s/`, by their chart."""
    found = (
        document
        for path in sorted((REPOSITORY / "k8s").rglob("helmrelease.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    )
    return {release["spec"]["chart"]["spec"]["chart"]: release for release in found}


def digest(values: object) -> str:
    """Names a release's values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def facts(release: Manifest, documents: Iterable[Manifest]) -> ChartFacts:
    """What a rendered chart says."""
    spec = release["spec"]["chart"]["spec"]
    objects = [each for document in documents for each in _flat(document)]
    definitions = tuple(_definitions(objects))
    names = {**CORE, **{each.plural: each.kind for each in definitions}}
    return ChartFacts(
        chart=spec["chart"],
        version=spec["version"],
        read=f"{datetime.now(UTC):%Y-%m-%d}",
        values=digest(release["spec"]["values"]),
        kinds=dict(sorted(Counter(f"{each['apiVersion']}/{each['kind']}" for each in objects).items())),
        definitions=definitions,
        webhooks=tuple(_webhooks(objects, names)),
        secrets=dict(readers(objects)),
        bindings=dict(_bindings(objects)),
        workloads=tuple(_workloads(objects, release["metadata"]["namespace"])),
        disruption_budgets={
            f"{each['metadata']['namespace']}/{each['metadata']['name']}": {
                key: value for key, value in each["spec"].items() if key in ("minAvailable", "maxUnavailable")
            }
            for each in objects
            if each["kind"] == "PodDisruptionBudget"
        },
    )


def _flat(document: Manifest | None) -> Iterator[Manifest]:
    if document and document["kind"] == "List":
        yield from document["items"]
    elif document:
        yield document


def _definitions(objects: Sequence[Manifest]) -> Iterator[Definition]:
    for each in objects:
        if each["kind"] == "CustomResourceDefinition":
            spec = each["spec"]
            yield Definition(
                group=spec["group"],
                kind=spec["names"]["kind"],
                plural=spec["names"]["plural"],
                scope=spec["scope"],
                versions=tuple(version["name"] for version in spec["versions"] if version["served"]),
            )


def _webhooks(objects: Sequence[Manifest], names: Mapping[str, str]) -> Iterator[Webhook]:
    for each in objects:
        if each["kind"] in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            for webhook in each["webhooks"]:
                rules = webhook["rules"]
                selectors = [mapping(webhook.get(key)) for key in ("namespaceSelector", "objectSelector")]
                expressions = [one for selector in selectors for one in mappings(selector.get("matchExpressions"))]
                yield Webhook(
                    name=webhook["name"],
                    mutates=each["kind"].startswith("Mutating"),
                    failure_policy=webhook["failurePolicy"],
                    operations=tuple(dict.fromkeys(one for rule in rules for one in rule["operations"])),
                    kinds=tuple(
                        f"{group}/{names[resource]}"
                        for rule in rules
                        for group in rule["apiGroups"]
                        for resource in rule["resources"]
                    ),
                    is_opt_in=any(selector.get("matchLabels") for selector in selectors)
                    or any(one["operator"] in ASKS for one in expressions),
                )


def readers(objects: Sequence[Manifest]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The roles that may read Secrets, each with its verbs on them."""
    for each in objects:
        if each["kind"] in ("ClusterRole", "Role"):
            verbs = {
                verb
                for rule in mappings(each.get("rules"))
                if {"", "*"} & set(listed(rule.get("apiGroups")))
                and {"secrets", "*"} & set(listed(rule.get("resources")))
                for verb in rule["verbs"]
            }
            if verbs & READS:
                yield f"{each['kind']} {each['metadata']['name']}", tuple(sorted(verbs))


def _bindings(objects: Sequence[Manifest]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for each in objects:
        if each["kind"] in ("ClusterRoleBinding", "RoleBinding"):
            subjects = tuple(f"{one['namespace']}/{one['name']}" for one in each["subjects"])
            yield f"{each['roleRef']['kind']} {each['roleRef']['name']}", subjects


def _workloads(objects: Sequence[Manifest], namespace: str) -> Iterator[Workload]:
    for each in objects:
        where = each["metadata"].get("namespace", namespace)
        if each["kind"] in OF_WORKLOADS:
            pod = each["spec"]["template"]["spec"]
            containers = tuple(map(_container, [*pod.get("initContainers", ()), *pod["containers"]]))
            replicas = 0 if each["kind"] == "DaemonSet" else each["spec"].get("replicas", 1)
            account = pod.get("serviceAccountName", "default")
        elif each["kind"] == "Prometheus":
            containers = _prometheus(each, objects)
            replicas, account = each["spec"].get("replicas", 1), each["spec"]["serviceAccountName"]
        else:
            continue
        yield Workload(
            kind=each["kind"],
            namespace=where,
            name=each["metadata"]["name"],
            replicas=replicas,
            service_account=account,
            containers=containers,
        )


def _container(container: Manifest) -> Container:
    resources = mapping(container.get("resources"))
    return Container(
        name=container["name"],
        image=container["image"],
        requests={key: str(value) for key, value in mapping(resources.get("requests")).items()},
        limits={key: str(value) for key, value in mapping(resources.get("limits")).items()},
    )


def _prometheus(prometheus: Manifest, objects: Sequence[Manifest]) -> tuple[Container, ...]:
    """What the operator makes of one: itself and the reloader, whose resources are the operator's arguments."""
    arguments = [
        argument.removeprefix(RELOADER).partition("=")
        for each in objects
        if each["kind"] == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
        for argument in container.get("args", ())
        if argument.startswith(RELOADER)
    ]
    told = {key: value for key, _, value in arguments}
    image = next(
        argument.partition("=")[2]
        for each in objects
        if each["kind"] == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
        for argument in container.get("args", ())
        if argument.startswith("--prometheus-config-reloader=")
    )
    quantities = {what: {kind: told[f"{kind}-{what}"] for kind in ("cpu", "memory")} for what in ("request", "limit")}
    reloader = Container(
        name="config-reloader", image=image, requests=quantities["request"], limits=quantities["limit"]
    )
    resources = at(prometheus, "spec", "resources")
    own = Container(name="prometheus", image=prometheus["spec"]["image"], **resources)
    return own, reloader


def render(release: Manifest, source: str) -> list[Manifest]:
    """What Helm makes of a release.

    Args:
        release: a HelmRelease.
        source: the chart's folder; empty: its repository is asked.
    """
    spec, metadata = release["spec"]["chart"]["spec"], release["metadata"]
    where = [source] if source else [spec["chart"], f"--version={spec['version']}", f"--repo={_url(release)}"]
    helm = build.find(HELM, Console().print)
    done = subprocess.run(
        [
            *(str(helm), "template", metadata["name"], *where, f"--namespace={metadata['namespace']}"),
            *("--values=-", "--include-crds", f"--kube-version={KUBERNETES_DEFAULT}"),
        ],
        input=yaml.safe_dump(release["spec"]["values"]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise FleetError(f"helm template {metadata['name']}: {' '.join(done.stderr.split())}")
    return list(yaml.load_all(done.stdout, Loader))


def _url(release: Manifest) -> str:
    name = release["spec"]["chart"]["spec"]["sourceRef"]["name"]
    for path in sorted((REPOSITORY / "k8s" / "infrastructure" / "helm-repositories").glob("*.yaml")):
        document = yaml.safe_load(path.read_text())
        if document["kind"] == "HelmRepository" and document["metadata"]["name"] == name:
            return document["spec"]["url"]
    raise FleetError(f"no HelmRepository {name} in k8s/infrastructure/helm-repositories")


def write(sources: Mapping[str, str]) -> None:
    """Write the facts of every release, or of those that have a folder."""
    for chart, release in releases().items():
        if sources and chart not in sources:
            continue
        found = facts(release, render(release, sources.get(chart, ""))).model_dump(mode="json")
        path = chart_facts.FOLDER / f"{chart}.yaml"
        path.write_text(yaml.safe_dump(found, sort_keys=False, width=120), encoding="utf-8")
        give(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    write(dict(argument.split("=", 1) for argument in sys.argv[1:]))
