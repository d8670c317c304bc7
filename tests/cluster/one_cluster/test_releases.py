"""What helm-controller makes of releases, good and bad, and what `status` says first of each that is not Ready.

Each release has a namespace of its name, and all are applied at once: their retries take their time side by side.
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

from bootstrap import snapshot, verify
from common.kubernetes import api, objects
from sandbox.cluster import processes
from sandbox.cluster.charts import HOSTS
from tests.cluster import helm_charts
from tests.cluster.helm_charts import HelmChart, crd, hook
from tests.support.clusters import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bootstrap.verify import Problem, Verdict
    from common.kubernetes.api import Manifest
    from tests.support.clusters import Town

MANAGER = "releases"
FOLDER = "releases"
ALL = """{{- if .Values.refusal }}{{ fail .Values.refusal }}{{ end }}
{{- range .Values.objects }}
---
{{ toYaml . }}
{{- end }}
"""
"""Whatever the values say."""

GROUPS = {name: f"{name}.example.com" for name in ("replaced", "skipped", "raced")}
RELEASED = "helm.sh/release.v1"


def config_map(**data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}, "data": data}


def deployment(*, replicas: int, image: str = "registry.k8s.io/pause:3.10") -> Manifest:
    labels = {"app": "made"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "made", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "made"}, "spec": spec}


def in_namespace(made: Manifest, namespace: str) -> Manifest:
    return {**made, "metadata": {**made["metadata"], "namespace": namespace}}


UNPULLED = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/load-harness:v9.9.9"
REFUSED = deployment(replicas=-1)
"""What the API server refuses: Helm has stored the release by then."""

FAILING_TEST = hook("failing", "test", activeDeadlineSeconds=1, completions=60)
RETRIES = {"remediation": {"retries": 1}}

RELEASES: Mapping[str, dict[str, Any]] = {
    "drift-enabled": {"driftDetection": {"mode": "enabled"}, "values": {"objects": [config_map(text="one")]}},
    "drift-warn": {"driftDetection": {"mode": "warn"}, "values": {"objects": [config_map(text="one")]}},
    "install-fails": {
        "install": {"remediation": {"retries": 1, "remediateLastFailure": True}},
        "values": {"objects": [config_map(text="one"), REFUSED]},
    },
    "upgrade-fails": {"upgrade": RETRIES, "values": {"objects": [config_map(text="one")]}},
    "stalled": {"install": RETRIES, "values": {"objects": [in_namespace(config_map(text="one"), "late")]}},
    "unpulled": {
        "timeout": "5s",
        "install": {"remediation": {"retries": 0}},
        "values": {"objects": [deployment(replicas=1, image=UNPULLED)]},
    },
    "unrendered": {"install": RETRIES, "values": {"refusal": "this chart needs a name"}},
    "raced": {
        "install": RETRIES,
        "values": {"objects": [{"apiVersion": f"{GROUPS['raced']}/v1", "kind": "Sprocket", "metadata": {"name": "a"}}]},
    },
    "without-values": {"valuesFrom": [{"kind": "Secret", "name": "values"}]},
    "post-rendered": {
        "values": {"objects": [config_map(text="one")]},
        "postRenderers": [
            {
                "kustomize": {
                    "patches": [
                        {
                            "target": {"kind": "ConfigMap"},
                            "patch": '[{"op": "add", "path": "/data/patched", "value": "yes"}]',
                        }
                    ]
                }
            }
        ],
    },
    "badly-post-rendered": {
        "values": {"objects": [config_map(text="one")]},
        "postRenderers": [
            {
                "kustomize": {
                    "patches": [
                        {
                            "target": {"kind": "ConfigMap"},
                            "patch": '[{"op": "remove", "path": "/data/nothing/such"}]',
                        }
                    ]
                }
            }
        ],
    },
    "tested": {"test": {"enable": True}, "values": {"objects": [config_map(text="one"), FAILING_TEST]}},
    "depends": {
        "dependsOn": [{"name": "without-values", "namespace": "without-values"}],
        "values": {"objects": [config_map(text="one")]},
    },
    "referring": {"chart": None, "chartRef": {"kind": "HelmChart", "name": "own"}, "values": {"objects": []}},
    "wrongly-referring": {"chart": None, "chartRef": {"kind": "HelmChart", "name": "wrong"}},
    "replaced": {"chart": "replaced", "upgrade": {"crds": "CreateReplace"}},
    "skipped": {"chart": "skipped", "upgrade": {"crds": "Skip"}},
}
"""Name of a HelmRelease and its namespace → its spec; the chart is `objects` unless it says otherwise."""


def charts() -> list[HelmChart]:
    made = [HelmChart("objects", "1.0.0", {"templates/all.yaml": ALL, "values.yaml": "objects: []\n"})]
    for name, group in GROUPS.items():
        for version, field in (("1.0.0", ""), ("2.0.0", "size")):
            made.append(HelmChart(name, version, {"crds/crd.yaml": yaml.safe_dump(crd(group, "Sprocket", field))}))
    return made


def apply(town: Town, name: str, spec: Mapping[str, Any], version: str = "1.0.0") -> None:
    """Apply a HelmRelease to its namespace, or what it is changed to."""
    source = {"kind": "HelmRepository", "name": "charts"}
    chart = {"chart": spec.get("chart", "objects"), "version": version, "sourceRef": source}
    own = {key: value for key, value in spec.items() if key != "chart"}
    given = {} if "chartRef" in own else {"chart": {"spec": chart}}
    release = {"metadata": {"name": name, "namespace": name}, "spec": {"interval": "1h", **given, **own}}
    town.cluster.apply(api.HELM_RELEASE, release, MANAGER, force=True)


def prepare(town: Town, name: str) -> None:
    """A namespace for a HelmRelease, and the source of its chart there."""
    town.cluster.apply(api.NAMESPACE, {"metadata": {"name": name}}, MANAGER, force=True)
    spec = {"interval": "1h", "url": f"https://{HOSTS[-1]}/{FOLDER}"}
    metadata = {"name": "charts", "namespace": name}
    town.cluster.apply(api.HELM_REPOSITORY, {"metadata": metadata, "spec": spec}, MANAGER, force=True)


@pytest.fixture(scope="module", autouse=True)
def applied(bootstrapped: Town) -> None:
    """All releases, and what they are made of."""
    town = bootstrapped
    helm_charts.write(town.layout.charts / HOSTS[-1] / FOLDER, charts())
    for name in RELEASES:
        prepare(town, name)
    for name, namespace, version in (("own", "referring", "1.0.0"), ("wrong", "wrongly-referring", "7.0.0")):
        reference = {"kind": "HelmRepository", "name": "charts"}
        spec = {"interval": "1h", "chart": "objects", "version": version, "sourceRef": reference}
        metadata = {"name": name, "namespace": namespace}
        town.cluster.apply(api.HELM_CHART, {"metadata": metadata, "spec": spec}, MANAGER, force=True)
    for name, spec in RELEASES.items():
        apply(town, name, spec)


def release(town: Town, name: str) -> Manifest:
    found = town.cluster.get(api.HELM_RELEASE, name, name)
    assert found
    return found


def is_ready(town: Town, name: str) -> bool:
    found = release(town, name)
    return objects.is_ready(found) and objects.is_observed(found)


def made(town: Town, name: str) -> dict[str, str] | None:
    """The data of a release's ConfigMap; None if there is none."""
    found = town.cluster.get(api.CONFIG_MAP, "made", name)
    return found and found["data"]


def verdict(town: Town, *names: str) -> Verdict:
    """What is said of a cluster on which nothing else is but Flux."""
    seen = snapshot.take(town.cluster).things.items()
    own = [thing for key, thing in seen if key.namespace in ("flux-system", *names)]
    images = ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation")
    return verify.judge(snapshot.of(own), verify.Wanted((), (), images))


def first(town: Town, case: str, *names: str) -> Problem:
    """The first cause, once it is of a case."""

    def look() -> Problem | None:
        found = verdict(town, *names).first
        return found if found and found.case == case else None

    return town.until(look)


def reset(town: Town, name: str) -> str:
    """What `flux reconcile helmrelease --reset` writes; gives its token."""
    token = f"{time.time_ns()}"
    asked = {f"reconcile.fluxcd.io/{what}": token for what in ("requestedAt", "resetAt")}
    metadata = {"name": name, "namespace": name, "annotations": asked}
    town.cluster.merge(api.HELM_RELEASE, {"metadata": metadata}, "flux")
    return token


def attempts(town: Town, name: str) -> int:
    return objects.number(release(town, name), "status", "failures")


def stalled(town: Town, name: str) -> str:
    """Why a release is Stalled; empty if it is not."""
    condition = objects.condition(release(town, name), "Stalled")
    return objects.text(condition, "reason") if condition.get("status") == "True" else ""


@pytest.mark.parametrize(
    ("name", "case", "cause"),
    [
        ("install-fails", "a release is stalled", "HelmRelease"),
        ("stalled", "a missing namespace", "HelmRelease"),
        ("unpulled", "an image cannot be pulled", "Pod"),
        ("unrendered", "a chart cannot be rendered", "HelmRelease"),
        ("badly-post-rendered", "a chart cannot be rendered", "HelmRelease"),
        ("raced", "a chart makes a custom resource without a CRD", "HelmRelease"),
        ("without-values", "values of a release are missing", "HelmRelease"),
        ("tested", "a test hook fails", "HelmRelease"),
        ("wrongly-referring", "a chart is not available", "HelmChart"),
    ],
)
def test_what_is_wrong_is_said_first(town: Town, name: str, case: str, cause: str) -> None:
    found = first(town, case, name)
    assert (found.key.kind, found.key.namespace) == (cause, name)
    assert "{" not in found.advice


@pytest.mark.parametrize("name", ["install-fails", "stalled", "unpulled"])
def test_a_release_whose_retries_are_used_up_ends_the_wait(town: Town, name: str) -> None:
    """Also where the first cause is a pod, which itself would be waited for."""
    town.until(lambda: stalled(town, name) == "RetriesExceeded")
    assert town.until(lambda: verdict(town, name).final)


def test_a_chart_that_cannot_be_rendered_never_stalls_and_ends_the_wait_all_the_same(town: Town) -> None:
    """Only attempts that stored a release are counted: one retry is all that it has, and many are made."""
    town.until(lambda: attempts(town, "unrendered") >= verify.RENDERED)
    assert town.until(lambda: verdict(town, "unrendered").final)
    assert not stalled(town, "unrendered")
    assert "this chart needs a name" in first(town, "a chart cannot be rendered", "unrendered").message
    apply(town, "unrendered", {"values": {"objects": [config_map(text="named")]}})
    town.until(lambda: is_ready(town, "unrendered"))


def test_a_failed_install_is_uninstalled(town: Town) -> None:
    town.until(lambda: stalled(town, "install-fails"))
    assert made(town, "install-fails") is None
    assert objects.condition(release(town, "install-fails"), "Remediated")["reason"] == "UninstallSucceeded"
    assert "spec.replicas: Invalid value: -1" in first(town, "a release is stalled", "install-fails").message


def test_a_failed_upgrade_is_rolled_back_and_its_failure_told(town: Town) -> None:
    town.until(lambda: is_ready(town, "upgrade-fails"))
    apply(town, "upgrade-fails", {"upgrade": RETRIES, "values": {"objects": [config_map(text="two"), REFUSED]}})
    town.until(lambda: stalled(town, "upgrade-fails"))
    ready = objects.condition(release(town, "upgrade-fails"), "Ready")
    assert ready["reason"] == "RollbackSucceeded"
    assert made(town, "upgrade-fails") == {"text": "one"}
    found = first(town, "a release is stalled", "upgrade-fails")
    assert found.message.startswith("Helm upgrade failed for release upgrade-fails/upgrade-fails with chart objects")
    assert found.advice.endswith("flux reconcile helmrelease upgrade-fails -n upgrade-fails --reset")
    apply(town, "upgrade-fails", {"upgrade": RETRIES, "values": {"objects": [config_map(text="three")]}})
    town.until(lambda: is_ready(town, "upgrade-fails"))
    assert made(town, "upgrade-fails") == {"text": "three"}


def test_a_stalled_release_is_tried_again_after_a_reset_alone(town: Town) -> None:
    """What it lacked is there now; nothing in Git has changed."""
    town.until(lambda: stalled(town, "stalled"))
    town.cluster.apply(api.NAMESPACE, {"metadata": {"name": "late"}}, MANAGER, force=True)
    town.reconcile(api.HELM_RELEASE, "stalled", "stalled")
    asked = release(town, "stalled")["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"]
    town.until(lambda: objects.text(release(town, "stalled"), "status", "lastHandledReconcileAt") == asked)
    assert stalled(town, "stalled")
    token = reset(town, "stalled")
    town.until(lambda: is_ready(town, "stalled"))
    assert release(town, "stalled")["status"]["lastHandledResetAt"] == token


def test_what_waits_for_a_release_is_no_cause(town: Town) -> None:
    found = first(town, "values of a release are missing", "depends", "without-values")
    assert found.key.name == "without-values"
    assert made(town, "depends") is None
    values = base64.b64encode(yaml.safe_dump({"objects": [config_map(text="secret")]}).encode()).decode()
    secret = {"metadata": {"name": "values", "namespace": "without-values"}, "data": {"values.yaml": values}}
    town.cluster.apply(api.SECRET, secret, MANAGER, force=True)
    town.reconcile(api.HELM_RELEASE, "without-values", "without-values")
    town.until(lambda: is_ready(town, "without-values"))
    assert made(town, "without-values") == {"text": "secret"}
    town.until(lambda: is_ready(town, "depends"))


def test_a_release_that_lost_the_race_for_a_crd_gets_through_by_itself(town: Town) -> None:
    """Never Stalled, although one retry is all that it has."""
    town.until(lambda: attempts(town, "raced") > 2)
    assert not stalled(town, "raced")
    prepare(town, "raced-crds")
    apply(town, "raced-crds", {"chart": "raced"})
    town.until(lambda: is_ready(town, "raced"))


def test_drift_is_put_back_or_told(town: Town) -> None:
    for name in ("drift-enabled", "drift-warn"):
        town.until(lambda name=name: is_ready(town, name))
        changed = {"metadata": {"name": "made", "namespace": name}, "data": {"text": "by hand"}}
        town.cluster.merge(api.CONFIG_MAP, changed, "somebody")
        town.reconcile(api.HELM_RELEASE, name, name)
    town.until(lambda: made(town, "drift-enabled") == {"text": "one"})
    told = "HelmRelease drift-warn/drift-warn: Cluster state of release drift-warn/drift-warn.v1 has "

    def only_warned() -> str | None:
        """What is put back is told of for a moment too."""
        lines = verify.drifted(snapshot.take(town.cluster))
        return lines[0] if len(lines) == 1 and lines[0].startswith(told) else None

    line = town.until(only_warned)
    assert made(town, "drift-warn") == {"text": "by hand"}
    assert f"drifted: {line}" in town.bootstrap("status", code=1).text.replace("\n", " ")


def test_a_post_renderer_changes_what_is_installed(town: Town) -> None:
    town.until(lambda: is_ready(town, "post-rendered"))
    assert made(town, "post-rendered") == {"text": "one", "patched": "yes"}


def test_a_chart_is_taken_from_the_source_that_is_referred_to(town: Town) -> None:
    town.until(lambda: is_ready(town, "referring"))
    assert [each["metadata"]["name"] for each in town.cluster.list(api.HELM_CHART, "referring")] == ["own"]


def test_crds_are_replaced_by_an_upgrade_only_where_it_says_so(town: Town) -> None:
    for name in ("replaced", "skipped"):
        town.until(lambda name=name: is_ready(town, name))
        apply(town, name, RELEASES[name], version="2.0.0")
    for name, fields in (("replaced", {"size"}), ("skipped", set[str]())):
        town.until(lambda name=name: is_ready(town, name))
        assert objects.text(release(town, name), "status", "lastAttemptedRevision") == "2.0.0"
        definition = town.cluster.get(api.CUSTOM_RESOURCE_DEFINITION, f"sprockets.{GROUPS[name]}")
        assert definition
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        assert objects.mapping(schema, "properties").keys() == fields


def pending(town: Town, name: str) -> list[str]:
    """The states of a release's records that Helm takes for an action under way."""
    secrets = town.cluster.list(api.SECRET, name, labels={"owner": "helm"})
    states = [each["metadata"]["labels"]["status"] for each in secrets if each["type"] == RELEASED]
    return [state for state in states if state.startswith("pending")]


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_an_install_that_is_cut_short_leaves_no_pending_release(town: Town, how: str) -> None:
    """Stopped, it records the failure before it ends; killed, it cannot, and unlocks the release when it is back."""
    slow = hook("slow", "pre-install", completions=12)
    prepare(town, how)
    apply(town, how, {"values": {"objects": [config_map(text="one"), slow]}})
    town.until(lambda: pending(town, how))
    (controller,) = (each for each in processes.found(town.layout) if each.name().startswith("helm-controller"))
    if how == "stopped":
        town.sandbox("cluster", "stop", "helm-controller")
        psutil.wait_procs([controller], timeout=LONGEST)
        assert not pending(town, how)
        town.sandbox("cluster", "start", "helm-controller")
    else:
        controller.kill()
    town.until(lambda: is_ready(town, how))
    assert not pending(town, how)
    assert made(town, how) == {"text": "one"}


def test_a_wait_ends_at_a_stalled_release_and_names_it(town: Town) -> None:
    """The last one that is left: all others are put right, each by a change alone."""
    for name in ("unpulled", "badly-post-rendered", "tested"):
        apply(town, name, {"values": {"objects": [config_map(text="right")]}})
    spec = {"metadata": {"name": "wrong", "namespace": "wrongly-referring"}, "spec": {"version": "1.0.0"}}
    town.cluster.merge(api.HELM_CHART, spec, MANAGER)
    town.until(lambda: all(is_ready(town, name) for name in RELEASES if name != "install-fails"))
    said = town.bootstrap("verify", "--wait", "--json", code=1)
    assert said.json["first"]["object"] == "HelmRelease install-fails/install-fails"
    assert said.json["failure"].startswith("HelmRelease install-fails/install-fails: Helm install failed")
    assert said.json["failure"].endswith("(RetriesExceeded)")
