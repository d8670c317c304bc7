"""Shapes that repositories have in the wild: none breaks the checks, each is a clean result or a line."""

from __future__ import annotations

import json
import os
import string
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks import binaries, tree
from checks.config import load
from checks.findings import Finding, Severity, Stage
from checks.model import Model
from checks.rules import RULES
from checks.rules.build import two_owners
from checks.run import run
from common.errors import FleetError
from tests.checks import trees

if TYPE_CHECKING:
    from pathlib import Path

FLUX = """apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: infrastructure, namespace: flux-system}
spec:
  interval: 5m
  retryInterval: 1m
  timeout: 5m
  path: ./k8s/infrastructure
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
"""
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: observability}\ndata: {a: b}\n"


def errors(root: Path) -> list[Finding]:
    return [finding for finding in run(root, load(root)).findings if finding.severity is Severity.ERROR]


def objects(root: Path) -> list[tuple[str, str, int]]:
    """What is applied, and where it is from."""
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    return [(each.label, each.file, each.place().line) for each in model.objects if each.owner != model.bootstrap.id]


def infrastructure(root: Path, text: str) -> Path:
    """A tree of one Flux Kustomization with some files."""
    sync = f"-- k8s/flux-system/flux-system/kustomizations.yaml --\n{FLUX}"
    trees.write(root, sync + text)
    return root


def test_components_overlays_bases_and_names_that_change(tmp_path: Path) -> None:
    root = infrastructure(
        tmp_path,
        f"""-- k8s/infrastructure/kustomization.yaml --
resources: [../base, namespaces.yaml]
components: [../component]
namePrefix: pre-
nameSuffix: -post
configMapGenerator:
  - name: made
    namespace: observability
    literals: [a=b]
-- k8s/base/kustomization.yaml --
resources: [inner/config.yaml]
namespace: observability
-- k8s/base/inner/config.yaml --
# a remark

{CONFIG_MAP}-- k8s/component/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
  - target: {{kind: ConfigMap}}
    patch: |
      - {{op: add, path: /data/more, value: c}}
""",
    )
    assert errors(root) == []
    found = {(label.split("/")[-1][:8], file, line) for label, file, line in objects(root)}
    assert ("pre-a-po", "k8s/base/inner/config.yaml", 3) in found
    assert ("pre-made", "k8s/infrastructure/kustomization.yaml", 1) in found


def test_the_first_bootstrap_reads_its_own_list_before_it_has_written_all_of_it(tmp_path: Path) -> None:
    root = infrastructure(tmp_path, "")
    sync = root / "k8s/flux-system/flux-system/gotk-sync.yaml"
    assert errors(root) == []
    sync.unlink()
    (finding,) = errors(root)
    assert (finding.rule, finding.place.file) == ("B4", "k8s/flux-system/flux-system/kustomization.yaml")
    assert "before it has written gotk-sync.yaml" in finding.why


def test_no_kustomization_file_nested_folders_and_one_that_has_one(tmp_path: Path) -> None:
    other = CONFIG_MAP.replace("name: a", "name: {}")
    root = infrastructure(
        tmp_path,
        f"""-- k8s/infrastructure/a/b/c.yml --
{other.replace("{}", "deep")}-- k8s/infrastructure/listed/kustomization.yml --
resources: [one.yaml]
-- k8s/infrastructure/listed/one.yaml --
{other.replace("{}", "one")}-- k8s/infrastructure/listed/two.yaml --
{other.replace("{}", "two")}-- k8s/infrastructure/readme.md --
nothing
""",
    )
    assert {label for label, *_ in objects(root)} == {
        "ConfigMap observability/deep",
        "ConfigMap observability/one",
        "Namespace applications",
        "Namespace observability",
    }
    warned = [(finding.rule, finding.place.file) for finding in run(root, load(root)).findings]
    assert ("E9", "k8s/infrastructure/listed/two.yaml") in warned


@pytest.mark.parametrize(
    ("content", "applied"),
    [
        ("", 0),
        ("# nothing but a remark\n", 0),
        ("---\n---\n", 0),
        ("\ufeff" + CONFIG_MAP, 1),
        (CONFIG_MAP.replace("\n", "\r\n"), 1),
        (CONFIG_MAP + "...\n---\n" + CONFIG_MAP.replace("name: a", "name: b"), 2),
        (CONFIG_MAP.replace("{a: b}", "{a: &value b, c: *value}"), 1),
        ("apiVersion: v1\nkind: List\nitems:\n- " + CONFIG_MAP.replace("\n", "\n  ").rstrip() + "\n", 1),
        (json.dumps(yaml.safe_load(CONFIG_MAP)), 1),
    ],
    ids=["empty", "remark", "separators", "BOM", "CRLF", "two documents", "anchor", "List", "JSON"],
)
def test_what_flux_takes_is_taken(tmp_path: Path, content: str, applied: int) -> None:
    root = infrastructure(tmp_path, "")
    (root / "k8s" / "infrastructure" / "config.yaml").write_bytes(content.encode())
    assert errors(root) == []
    assert sum(label.startswith("ConfigMap observability/") for label, *_ in objects(root)) == applied


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("\tkey: value\n", "Y1"),
        ("a: [\n", "Y1"),
        ("a: b\na: c\n", "Y2"),
        ("just text\n", "B1"),
        ("kind: ConfigMap\n", "B1"),
        ("{{ if .Values.x }}\n", "B1"),
    ],
    ids=["tab", "open", "twice", "text", "no apiVersion", "template"],
)
def test_what_flux_refuses_is_refused_at_its_file(tmp_path: Path, content: str, rule: str) -> None:
    root = infrastructure(tmp_path, "")
    (root / "k8s" / "infrastructure" / "config.yaml").write_text(content)
    (finding, *_) = errors(root)
    assert finding.rule == rule
    assert "config.yaml" in f"{finding.place.file} {finding.why}"


def test_a_link_out_of_the_repository_is_no_way_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(CONFIG_MAP)
    root = infrastructure(tmp_path / "tree", "")
    (root / "k8s" / "infrastructure" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (finding,) = errors(root)
    assert (finding.rule, finding.place.file) == ("B3", "k8s/infrastructure/link.yaml")
    (root / "k8s" / "infrastructure" / "link.yaml").unlink()
    (root / "k8s" / "infrastructure" / "kustomization.yaml").write_text("resources: [../../../secret.yaml]\n")
    (finding,) = errors(root)
    assert finding.rule == "B1"


@pytest.mark.parametrize("name", ["../../..", "nowhere", "a" * 5000, "a" * 300 + "/b", "a\0b", "", ".", 5, {"a": "b"}])
def test_a_path_that_leads_nowhere_is_a_finding(tmp_path: Path, name: Any) -> None:
    root = infrastructure(tmp_path, "")
    sync = root / "k8s" / "flux-system" / "flux-system" / "kustomizations.yaml"
    for change in ({"path": name}, {"components": [name]}):
        document = yaml.safe_load(FLUX)
        document["spec"] |= change
        sync.write_text(yaml.safe_dump(document))
        assert [finding.rule for finding in errors(root)] == ["B1"]
    sync.write_text(FLUX)
    (root / "k8s" / "infrastructure" / "kustomization.yaml").write_text(yaml.safe_dump({"resources": [name]}))
    assert [finding.rule for finding in errors(root)] == ["B1"]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("kustomization.yaml", "resources: &all [namespaces.yaml, *all]\n"),
        ("config.yaml", CONFIG_MAP.replace("{a: b}", "{" * 300 + "a: b" + "}" * 300)),
        ("config.yaml", CONFIG_MAP.replace("{a: b}", "[" * 5000 + "]" * 5000)),
        ("config.yaml", CONFIG_MAP.replace("{a: b}", "{a: " * 300 + "b" + "}" * 300)),
    ],
    ids=["an alias of itself", "keys that are mappings", "too deep for any parser", "too deep for a person"],
)
def test_what_has_no_end_is_a_finding(tmp_path: Path, file: str, content: str) -> None:
    root = infrastructure(tmp_path, "")
    (root / "k8s" / "infrastructure" / file).write_text(content)
    (finding,) = errors(root)
    assert finding.rule in {"B1", "Y1"}
    assert len(finding.why) < 1000


@pytest.mark.parametrize("name", [b"c\xff.yaml", b"new\nline.yaml"])
def test_a_name_that_cannot_be_printed_stops_the_run_with_a_line(tmp_path: Path, name: bytes) -> None:
    root = infrastructure(tmp_path, "")
    (root / "k8s" / "infrastructure" / os.fsdecode(name)).write_text(CONFIG_MAP)
    with pytest.raises(FleetError, match="rename it"):
        run(root, load(root))


def test_a_dashboard_of_5_megabytes_is_what_the_api_server_refuses(tmp_path: Path) -> None:
    panels = [{"title": f"panel {number}", "expr": "rate(http_requests_total[5m])" * 20} for number in range(9000)]
    root = infrastructure(
        tmp_path,
        """-- k8s/infrastructure/kustomization.yaml --
resources: [namespaces.yaml]
configMapGenerator:
  - name: dashboard
    namespace: observability
    files: [dashboard.json]
""",
    )
    dashboard = root / "k8s" / "infrastructure" / "dashboard.json"
    dashboard.write_text(json.dumps({"panels": panels}))
    assert dashboard.stat().st_size > 5_000_000
    (found,) = errors(root)
    assert found.rule == "A1"
    assert "may not be more than 1048576 bytes" in found.why


def test_another_repositorys_layout_is_checked_as_it_is(tmp_path: Path) -> None:
    """A tree as Flux's own documentation has it: clusters/<name>, infrastructure/{controllers,configs}, apps/base."""
    root = tmp_path
    sync = "sourceRef: {kind: GitRepository, name: flux-system}"
    release = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cert-manager, namespace: cert-manager}
spec:
  interval: 1h
  install: {crds: CreateReplace}
  upgrade: {crds: CreateReplace}
  chart: {spec: {chart: cert-manager, version: v1.21.1, sourceRef: {kind: HelmRepository, name: jetstack}}}
  values: {crds: {enabled: true}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: jetstack, namespace: cert-manager}
spec: {interval: 1h, url: https://charts.jetstack.io}
"""
    files = f"""-- checks.yaml --
kubernetes: "1.36"
bootstrap: {{path: clusters/production}}
-- clusters/production/infrastructure.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: controllers, namespace: flux-system}}
spec:
  interval: 1h
  retryInterval: 1m
  timeout: 6m
  wait: true
  prune: true
  path: ./infrastructure/controllers
  {sync}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: configs, namespace: flux-system}}
spec: {{interval: 1h, retryInterval: 1m, timeout: 5m, prune: true, path: ./infrastructure/configs, {sync}}}
-- clusters/production/apps.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: apps, namespace: flux-system}}
spec:
  interval: 10m
  retryInterval: 1m
  timeout: 5m
  dependsOn: [{{name: configs}}]
  prune: true
  path: ./apps/production
  {sync}
  postBuild: {{substitute: {{domain: example.com}}}}
-- infrastructure/controllers/cert-manager.yaml --
apiVersion: v1
kind: Namespace
metadata: {{name: cert-manager}}
---
{release}-- infrastructure/configs/issuer.yaml --
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {{name: self}}
spec: {{selfSigned: {{}}}}
-- apps/base/app/kustomization.yaml --
resources: [app.yaml]
namespace: app
-- apps/base/app/app.yaml --
apiVersion: v1
kind: Namespace
metadata: {{name: app}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: app}}
data: {{host: "app.${{domain}}"}}
-- apps/production/kustomization.yaml --
resources: [../base/app]
-- charts/mine/templates/x.yaml --
{{{{ .Values.x }}}}
"""
    for name, content in trees.files(files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    found = run(root, load(root))
    assert [(finding.rule, finding.place.file, finding.place.line) for finding in found.findings] == [
        ("E7", "infrastructure/configs/issuer.yaml", 2)
    ]
    assert found.kustomizations == 4


def test_what_the_bootstrap_has_written_is_taken_instead_of_what_stands_for_it(tmp_path: Path) -> None:
    root = infrastructure(
        tmp_path,
        """-- k8s/flux-system/flux-system/kustomization.yaml --
resources: [gotk-components.yaml, gotk-sync.yaml, kustomizations.yaml, repositories.yaml]
patches:
  - target: {kind: Deployment, name: kustomize-controller}
    patch: |
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: --requeue-dependency=5s}
-- k8s/flux-system/flux-system/gotk-components.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kustomize-controller, namespace: flux-system}
spec:
  replicas: 1
  selector: {matchLabels: {app: kustomize-controller}}
  template:
    metadata: {labels: {app: kustomize-controller}}
    spec: {containers: [{name: manager, image: example.com/kustomize-controller:v1.9.5, args: [--log-level=info]}]}
-- k8s/flux-system/flux-system/gotk-sync.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m0s, ref: {branch: main}, secretRef: {name: flux-system}, url: https://example.com/a/b.git}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m0s, path: ./k8s/flux-system, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
""",
    )
    found = run(root, load(root))
    assert [finding for finding in found.findings if finding.severity is not Severity.NOTE] == []
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    assert model.stubs == frozenset()
    (controller,) = [each for each in model.objects if each.kind == "Deployment"]
    assert controller.manifest["spec"]["template"]["spec"]["containers"][0]["args"][-1] == "--requeue-dependency=5s"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(string.ascii_letters + "${}:/", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "kind", "path"]), inner),
    max_leaves=6,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            *("dependsOn", "sourceRef", "postBuild", "healthChecks", "wait", "timeout", "interval", "retryInterval"),
            *("chart", "values", "install", "upgrade", "targetNamespace", "selector", "podSelector", "template"),
            *("scaleTargetRef", "filterTags", "policy", "imageRepositoryRef", "update", "type", "names", "group"),
        ]
    ),
    JSON,
    max_size=4,
)
KINDS = [
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("image.toolkit.fluxcd.io/v1", "ImagePolicy"),
    ("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
]


FOLDERS = ["", "a", "a/b", "a/b/c", "d"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    paths=st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=3),
    files=st.dictionaries(st.sampled_from(FOLDERS), st.booleans(), min_size=1),
)
def test_an_object_has_two_owners_where_paths_overlap(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str], files: dict[str, bool]
) -> None:
    """Folders with a manifest each, and perhaps a kustomization file that lists it alone."""
    root = trees.write(tmp_path_factory.mktemp("overlap"))
    base = root / "k8s" / "generated"
    for folder, is_listed in files.items():
        (base / folder).mkdir(parents=True, exist_ok=True)
        name = f"config-{folder.replace('/', '-') or 'top'}"
        (base / folder / "config.yaml").write_text(CONFIG_MAP.replace("name: a", f"name: {name}"))
        if is_listed:
            (base / folder / "kustomization.yaml").write_text("resources: [config.yaml]\n")
    for path in paths:
        (base / path).mkdir(parents=True, exist_ok=True)
        (base / path / "readme.md").write_text("Git keeps no empty folder.\n")
    sync = root / "k8s" / "flux-system" / "flux-system" / "kustomizations.yaml"
    named = [
        FLUX.replace("infrastructure", f"generated/{path}")
        .replace("name: generated/", "name: k-")
        .replace(f"name: k-{path}", f"name: k-{number}")
        for number, path in enumerate(paths)
    ]
    sync.write_text("---\n".join(named))

    def applied(path: str) -> set[str]:
        """What Flux's generator takes: all beneath, but of a folder with a kustomization file what that lists."""
        if files.get(path):
            return {path}
        found = {path} if path in files else set[str]()
        children = [each for each in FOLDERS if each and each.rpartition("/")[0] == path and each != path]
        return found.union(*(applied(each) for each in children))

    owners = [applied(path) for path in paths]
    twice = sum(max(sum(folder in each for each in owners) - 1, 0) for folder in FOLDERS)
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    assert [each.problem for each in model.kustomizations if each.problem] == []
    assert len(list(two_owners.check(Model(model)))) == twice


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=FIELDS | JSON, kind=st.sampled_from(KINDS))
def test_no_manifest_breaks_a_rule(tmp_path_factory: pytest.TempPathFactory, spec: Any, kind: tuple[str, str]) -> None:
    root = infrastructure(tmp_path_factory.mktemp("any"), "")
    metadata = {"name": "any", "namespace": "observability"}
    manifest = {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, "spec": spec}
    (root / "k8s" / "infrastructure" / "any.yaml").write_text(yaml.safe_dump(manifest))
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    for rule in RULES:
        if rule.stage in {Stage.BUILD, Stage.SUBSTITUTION, Stage.ORDER}:
            assert all(isinstance(finding, Finding) for finding in rule.check(Model(model)))
