"""Small trees, and the verdict that Flux and the API server give on each: what the checks once judged wrongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from checks.config import load
from checks.findings import Severity
from checks.run import Report, run
from common.errors import CannotRunError
from tests.checks import trees

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = """-- checks.yaml --
kubernetes: "1.36"
bootstrap: {path: clusters/prod}
"""
APPS = """-- clusters/prod/apps.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  interval: 10m
  retryInterval: 1m
  prune: true
  path: ./apps
  sourceRef: {kind: GitRepository, name: flux-system}
"""
NAMESPACE = """-- apps/namespace.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: shop}
"""
CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: shop}
data: {a: b}
"""


def write(root: Path, text: str, *, apps: str = APPS, checks: str = CHECKS) -> Path:
    for name, content in (trees.files(checks) | trees.files(apps) | trees.files(NAMESPACE) | trees.files(text)).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return root


def judged(root: Path) -> Report:
    return run(root, load(root), keep_going=True)


def severities(report: Report, *rules: str) -> set[tuple[str, Severity]]:
    """The rules that found something, with their severities; notes aside unless rules are named."""
    return {
        (each.rule, each.severity)
        for each in report.findings
        if each.rule in rules or (not rules and each.severity is not Severity.NOTE)
    }


ERROR, WARNING, NOTE = Severity


@dataclass(frozen=True)
class Case:
    """A tree, and what has to be found of it but for notes."""

    name: str
    text: str
    found: frozenset[tuple[str, Severity]] = frozenset()
    apps: str = APPS
    checks: str = CHECKS
    objects: int = 2


POST_BUILD = "  postBuild:\n    substituteFrom: [{kind: ConfigMap, name: settings}]\n"
USES = CONFIG_MAP.replace("{a: b}", '{zone: "in ${ZONE}"}')
CM = "-- clusters/prod/settings.yaml --\n" + CONFIG_MAP.replace(
    "{name: a, namespace: shop}", "{name: %s, namespace: %s}"
)
REMOTE = "https://example.com/releases/install.yaml"
INSTANCE = """-- clusters/prod/flux-system/instance.yaml --
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata: {name: flux, namespace: flux-system}
spec:
  distribution: {version: 2.x, registry: ghcr.io/fluxcd}
  kustomize:
    patches:
      - target: {kind: CustomResourceDefinition, name: helmreleases.helm.toolkit.fluxcd.io}
        patch: |
          - {op: add, path: /spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/more, value: {}}
-- clusters/prod/flux-system/kustomization.yaml --
resources: [instance.yaml]
"""
CRD = """-- apps/crd.yaml --
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets, singular: widget}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {size: {type: integer}}}}
"""
WIDGET = """-- apps/widget.yaml --
apiVersion: example.com/{version}
kind: Widget
metadata: {{name: a, namespace: shop}}
spec: {{{field}: 1}}
"""
RELEASE = """-- apps/release.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: acme, namespace: shop}
spec: {interval: 1h, url: https://charts.example.com}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: shop}
spec:
  interval: 10m
  chart: {spec: {chart: sprocket, version: 1.0.0, sourceRef: {kind: HelmRepository, name: acme}}}
"""
SPROCKET = """-- apps/sprocket.yaml --
apiVersion: sprocket.example.org/v1
kind: Sprocket
metadata: {name: a, namespace: shop}
spec: {}
"""
SERVED = f"{CHECKS}served: [sprocket.example.org]\n"
OWN_CHART = f"{CHECKS}charts:\n  sprocket: {{version: 1.0.0, crds: [sprocket.example.org/Sprocket]}}\n"
HPA = """-- apps/a.yaml --
apiVersion: {version}
kind: {kind}
metadata: {{name: web, namespace: shop}}
spec: {{}}
"""
MARKER = ' # {"$imagepolicy": "flux-system:web:tag"}\n'
ARTIFACTS = """-- clusters/prod/artifacts.yaml --
apiVersion: source.extensions.fluxcd.io/v1beta1
kind: ArtifactGenerator
metadata: {name: parts, namespace: flux-system}
spec:
  sources: [{alias: repository, kind: GitRepository, name: flux-system}]
  artifacts:
    - name: apps
      copy: [{from: "@repository/apps/**", to: "@artifact/inner/"}]
"""

ODD = CONFIG_MAP.replace("a: b", r'a: "\u2028 \uFEFF \U0001F525"')
ENCRYPTED = """-- clusters/prod/secret.yaml --
apiVersion: v1
kind: Secret
metadata: {name: settings, namespace: flux-system}
stringData: {PORT: "ENC[AES256_GCM,data:a,iv:a,tag:a,type:str]"}
sops: {mac: a}
-- apps/a.yaml --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: "${PORT}"}]}
"""
SYNC = """-- clusters/prod/flux-system/instance.yaml --
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: flux, namespace: flux-system}
spec:
  interval: 1h
  chart: {spec: {chart: x, version: 1.0.0, sourceRef: {kind: HelmRepository, name: flux-operator}}}
  values:
    instance:
      distribution: {version: 2.8.x}
      sync: {kind: OCIRepository, url: oci://example.com/fleet, ref: latest, path: ./clusters/prod, name: fleet}
      kustomize:
        patches:
          - target: {kind: Kustomization}
            patch: |
              - {op: add, path: /spec/postBuild, value: {substitute: {ZONE: a zone}}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: flux-operator, namespace: flux-system}
spec: {interval: 1h, url: https://charts.example.com}
-- clusters/prod/zone.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: zone, namespace: flux-system}
data: {zone: "in ${ZONE}", other: "in ${OTHER}"}
"""
WEBHOOK = f"{CHECKS}charts:\n  sprocket: {{version: 1.0.0, webhooks: [/Service]}}\n"
SERVICE = """-- apps/service.yaml --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
"""

CASES = [
    Case("characters that YAML takes only escaped", f"-- apps/a.yaml --\n{ODD}"),
    Case(
        "a value that is encrypted",
        ENCRYPTED,
        apps=APPS + POST_BUILD.replace("ConfigMap", "Secret"),
        objects=3,
    ),
    Case(
        "flux-operator's source, version and patches of the first Kustomization",
        SYNC,
        frozenset({("S2", WARNING)}),
        apps=APPS.replace("GitRepository, name: flux-system", "OCIRepository, name: fleet"),
        objects=4,
    ),
    Case(
        "a webhook of a chart of the settings",
        RELEASE + SERVICE,
        frozenset({("E20", WARNING)}),
        checks=WEBHOOK,
        objects=4,
    ),
    Case("emoji", "-- apps/a.yaml --\n" + CONFIG_MAP.replace("a: b", 'a: "hello \U0001f525"')),
    Case(
        "the parent's variable in a Kustomization's own patches",
        "-- apps/a.yaml --\n" + CONFIG_MAP,
        apps=f"{APPS}  patches:\n    - patch: |-\n        - {{op: add, path: /data/b, value: 'x-${{NAME}}'}}\n"
        f"      target: {{kind: ConfigMap}}\n{POST_BUILD}",
        checks=f"{CHECKS}variables:\n  ConfigMap/flux-system/settings: {{NAME: {{sample: abc}}}}\n",
    ),
    Case(
        "values in the tree",
        f"-- apps/a.yaml --\n{USES}{CM % ('settings', 'flux-system')}".replace("{a: b}", "{ZONE: UTC}"),
        apps=APPS + POST_BUILD,
        objects=3,
    ),
    Case(
        "values in the tree, which a declaration does not win over",
        f"-- apps/a.yaml --\n{USES}{CM % ('settings', 'flux-system')}".replace("{a: b}", "{OTHER: UTC}"),
        frozenset({("S2", ERROR)}),
        apps=APPS + POST_BUILD,
        checks=f"{CHECKS}variables:\n  ConfigMap/flux-system/settings: {{ZONE: {{sample: abc}}}}\n",
        objects=3,
    ),
    Case(
        "values in another namespace",
        f"-- apps/a.yaml --\n{USES}{CM % ('settings', 'default')}".replace("{a: b}", "{ZONE: UTC}"),
        frozenset({("S5", ERROR)}),
        apps=APPS + POST_BUILD,
        objects=3,
    ),
    Case(
        "values that nobody here makes",
        f"-- apps/a.yaml --\n{USES}",
        frozenset({("S5", WARNING)}),
        apps=APPS + POST_BUILD,
    ),
    Case(
        "no value, with a Flux that is not strict",
        f"-- apps/a.yaml --\n{USES}",
        frozenset({("S2", WARNING)}),
        apps=f"{APPS}  postBuild: {{substitute: {{OTHER: a}}}}\n",
        checks=f"{CHECKS}flux: '2.8'\nrules: {{S6: off}}\n",
    ),
    Case("a remote base", f"-- apps/kustomization.yaml --\nresources: [namespace.yaml, '{REMOTE}']\n", objects=1),
    Case(
        "a remote base that is patched, and CRDs that it may bring",
        f"-- apps/kustomization.yaml --\nresources: [namespace.yaml, sprocket.yaml, '{REMOTE}']\n"
        f"patches:\n  - patch: '{{apiVersion: v1, kind: Service, metadata: {{name: remote}}}}'\n{SPROCKET}",
        objects=2,
    ),
    Case(
        "a remote base that Flux is told to refuse",
        f"-- apps/kustomization.yaml --\nresources: [namespace.yaml, '{REMOTE}']\n"
        "-- clusters/prod/flags.yaml --\n"
        + CONFIG_MAP.replace("a: b", "args: --no-remote-bases=true").replace("shop", "flux-system"),
        frozenset({("B2", ERROR)}),
        objects=2,
    ),
    Case(
        "a chart beneath a path, which no kustomization file lists",
        "-- apps/kustomization.yaml --\nresources: [namespace.yaml]\n"
        "-- apps/chart/templates/a.yaml --\nname: {{ .Release.Name }}\n{{- if .Values.x }}\ndata: {}\n{{- end }}\n",
        objects=1,
    ),
    Case("flux-operator", INSTANCE, objects=2),
    Case(
        "a field that flux-operator adds to a CRD",
        INSTANCE + RELEASE.replace("interval: 10m", "interval: 10m\n  more: a"),
        objects=4,
    ),
    Case(
        "an unserved version of Flux's kinds",
        RELEASE.replace("helm.toolkit.fluxcd.io/v2", "helm.toolkit.fluxcd.io/v2beta1"),
        frozenset({("K2", ERROR)}),
        objects=3,
    ),
    Case(
        "an unserved version of a known group",
        HPA.format(version="cert-manager.io/v1alpha2", kind="Certificate"),
        frozenset({("K2", ERROR), ("E4", WARNING)}),
    ),
    Case(
        "an alpha version, which an API server may be told to serve",
        HPA.format(version="resource.k8s.io/v1beta2", kind="ResourceClaimTemplate"),
        frozenset({("K2", WARNING)}),
    ),
    Case("an unknown group", SPROCKET, frozenset({("E4", WARNING)})),
    Case("an unknown group that is served", SPROCKET, checks=SERVED),
    Case("a CRD of the tree", CRD + WIDGET.format(version="v1", field="size"), objects=3),
    Case(
        "an unknown field of a CRD of the tree",
        CRD + WIDGET.format(version="v1", field="sise"),
        frozenset({("K1", ERROR)}),
        objects=3,
    ),
    Case(
        "a version that a CRD of the tree does not serve",
        CRD + WIDGET.format(version="v2", field="size"),
        frozenset({("K2", ERROR)}),
        objects=3,
    ),
    Case(
        "a chart next to what its name says it brings, declared as served",
        RELEASE + SPROCKET,
        frozenset({("E1", WARNING)}),
        checks=SERVED,
        objects=4,
    ),
    Case(
        "a chart of the settings next to its custom resource",
        RELEASE + SPROCKET,
        frozenset({("E1", ERROR)}),
        checks=OWN_CHART,
        objects=4,
    ),
    Case(
        "a chart of the settings next to its custom resource, which a helmfile of the repository installs first",
        RELEASE + SPROCKET + "-- bootstrap/helmfile.yaml --\nreleases:\n  - {name: sprocket, chart: acme/sprocket}\n",
        frozenset({("E1", WARNING)}),
        checks=OWN_CHART,
        objects=4,
    ),
    Case(
        "a namespace that nobody here makes",
        "-- apps/a.yaml --\n" + CONFIG_MAP.replace("shop", "other"),
        frozenset({("E5", WARNING)}),
    ),
    Case(
        "a namespace of the settings",
        "-- apps/a.yaml --\n" + CONFIG_MAP.replace("shop", "other"),
        checks=f"{CHECKS}namespaces: [other]\n",
    ),
    Case(
        "markers of another cluster",
        f"-- apps-stage/kustomization.yaml --\nresources: []\nimages: [{{name: web, newTag: 1.0.0}}]{MARKER}",
        objects=1,
    ),
    Case(
        "an artifact that is made of a part of the repository",
        ARTIFACTS + "-- apps/web/a.yaml --\n" + CONFIG_MAP,
        apps=APPS.replace("./apps", "./inner/web").replace(
            "GitRepository, name: flux-system", "ExternalArtifact, name: apps"
        ),
        checks=CHECKS.replace("prod}", "prod, components: [source-controller, kustomize-controller, source-watcher]}"),
        found=frozenset({("E5", WARNING)}),
        objects=2,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_tree_gets_the_verdict_that_flux_gives(tmp_path: Path, case: Case) -> None:
    report = judged(write(tmp_path, case.text, apps=case.apps, checks=case.checks))
    assert severities(report) == case.found, report.findings
    assert report.objects == case.objects + 1, "and the Flux Kustomization"


def test_a_path_that_is_not_there_ends_it(tmp_path: Path) -> None:
    root = write(tmp_path, "", checks=CHECKS.replace("clusters/prod", "clusters/prd"))
    with pytest.raises(CannotRunError, match=r"clusters/prd does not exist.*did you mean clusters/prod\?"):
        judged(root)


def test_a_root_without_objects_ends_it(tmp_path: Path) -> None:
    root = write(tmp_path, "-- empty/readme.md --\nnothing\n", checks=CHECKS.replace("clusters/prod", "empty"))
    with pytest.raises(CannotRunError, match="empty holds no objects"):
        judged(root)


BAD = "-- apps/bad.yaml --\napiVersion: apps/v1\nkind: Deploymentt\nmetadata: {name: x, namespace: shop}\n"
OTHER = APPS.replace("name: flux-system}", "name: platform}")


def test_children_of_another_source_are_followed_only_if_it_is_declared(tmp_path: Path) -> None:
    root = write(tmp_path, BAD, apps=OTHER)
    with pytest.raises(CannotRunError, match=r"apps takes GitRepository flux-system/platform.*Set bootstrap\.source"):
        judged(root)
    (root / "checks.yaml").write_text(CHECKS.replace("prod}", "prod, source: {name: platform}}").partition("\n")[2])
    assert severities(judged(root)) == {("K2", ERROR)}
    (root / "checks.yaml").write_text(CHECKS.partition("\n")[2] + "sources: [{name: platform}]\n")
    assert severities(judged(root)) == {("K2", ERROR)}


def test_a_source_with_the_same_url_and_ref_is_this_repository(tmp_path: Path) -> None:
    source = """apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: {}, namespace: flux-system}}
spec: {{interval: 1m, url: {}, ref: {{branch: main}}}}
---
"""
    sources = source.format("flux-system", "https://github.com/acme/fleet") + source.format(
        "platform", "ssh://git@github.com/acme/fleet.git"
    )
    root = write(tmp_path, f"{BAD}-- clusters/prod/sources.yaml --\n{sources}", apps=OTHER)
    report = judged(root)
    assert severities(report) == {("K2", ERROR)}
    assert report.not_followed.kustomizations == 0


def test_what_is_not_followed_is_counted(tmp_path: Path) -> None:
    other = OTHER.replace("apps.yaml", "other.yaml").replace("name: apps", "name: other")
    root = write(tmp_path, f"{other}-- apps/kustomization.yaml --\nresources: [namespace.yaml, '{REMOTE}']\n")
    unseen = judged(root).not_followed
    assert (unseen.kustomizations, unseen.sources, unseen.remotes) == (1, 1, 1)


def test_clusters_of_one_repository_are_checked_in_one_call(tmp_path: Path) -> None:
    other = APPS.replace("clusters/prod", "clusters/stage").replace("./apps", "./apps-stage")
    checks = CHECKS.replace("{path: clusters/prod}", "[{path: clusters/prod}, {path: clusters/stage}]")
    root = write(tmp_path, other + "-- apps-stage/a.yaml --\n" + CONFIG_MAP.replace("a: b", "a: [b]"), checks=checks)
    report = judged(root)
    assert report.kustomizations == 4
    assert ("K1", ERROR) in severities(report)


def test_an_exclusion_leaves_out_what_it_names_and_is_noted_once_nothing_needs_it(tmp_path: Path) -> None:
    excluded = f"{CHECKS}exclude:\n  - {{rules: K2, path: apps/*, reason: a reason}}\n"
    root = write(tmp_path, BAD, checks=excluded)
    assert severities(judged(root), "K2", "X1") == set()
    (root / "apps" / "bad.yaml").write_text(CONFIG_MAP)
    (note,) = [each for each in judged(root).findings if each.rule == "X1"]
    assert (note.place.file, note.place.line, note.severity) == ("checks.yaml", 4, NOTE)


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("# fleet-check: ignore K2: a reason", set[tuple[str, Severity]]()),
        ("# fleet-check: ignore E4, K2: a reason", set[tuple[str, Severity]]()),
        ("# fleet-check: ignore K2", {("K2", ERROR), ("X1", NOTE)}),
        ("# fleet-check: ignore E4: a reason", {("K2", ERROR), ("X1", NOTE)}),
    ],
)
def test_a_comment_leaves_out_what_is_found_of_its_document(
    tmp_path: Path, comment: str, found: set[tuple[str, Severity]]
) -> None:
    text = BAD.replace("-- apps/bad.yaml --\n", f"-- apps/bad.yaml --\n{comment}\n")
    assert severities(judged(write(tmp_path, text)), "K2", "X1") == found
    second = f"-- apps/bad.yaml --\n{comment}\n{CONFIG_MAP}---\n" + BAD.partition("\n")[2]
    assert ("K2", ERROR) in severities(judged(write(tmp_path, second)), "K2")


@pytest.mark.parametrize(("wanted", "found"), [("off", set[Severity]()), ("note", {NOTE}), ("warning", {WARNING})])
def test_a_rule_counts_as_the_settings_say(tmp_path: Path, wanted: str, found: set[Severity]) -> None:
    root = write(tmp_path, BAD, checks=f"{CHECKS}rules: {{K2: {wanted}}}\n")
    report = judged(root)
    assert {severity for _, severity in severities(report, "K2")} == found
    assert not report.fails(strict=False)


def test_a_rule_that_is_none_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, "", checks=f"{CHECKS}rules: {{E99: off}}\n")
    with pytest.raises(CannotRunError, match=r"rules\.E99: unknown rule E99"):
        judged(root)


def test_stages_after_one_with_an_error_run_only_if_asked_for(tmp_path: Path) -> None:
    root = write(tmp_path, BAD + "-- apps/a.yaml --\n" + CONFIG_MAP.replace("shop", "other"))
    assert severities(run(root, load(root))) == {("K2", ERROR)}
    assert severities(judged(root)) == {("K2", ERROR), ("E5", WARNING)}
