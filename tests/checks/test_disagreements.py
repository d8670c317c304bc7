"""Where checks and real controllers once disagreed (tests/cluster/one_cluster/test_truth.py), as it was settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks import config, run
from checks.findings import Severity, Stage
from tests.checks import trees

if TYPE_CHECKING:
    from pathlib import Path

LATE_TARGET = """
-- k8s/flux-system/flux-system/kustomizations.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: infrastructure, namespace: flux-system}}
spec:
  interval: 5m
  retryInterval: 1m
  timeout: 20m
  path: ./k8s/infrastructure
  prune: true
  wait: {wait}
  sourceRef: {{kind: GitRepository, name: flux-system}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: applications, namespace: flux-system}}
spec:
  interval: 5m
  retryInterval: 1m
  timeout: 20m
  path: ./k8s/applications
  prune: true
  wait: true
  dependsOn: [{{name: infrastructure}}]
  sourceRef: {{kind: GitRepository, name: flux-system}}
-- k8s/infrastructure/release.yaml --
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: pushgateway, namespace: observability}}
spec:
  interval: 10m
  chart:
    spec:
      chart: prometheus-pushgateway
      version: 3.8.0
      sourceRef: {{kind: HelmRepository, name: charts, namespace: flux-system}}
  targetNamespace: late
  install: {install}
-- k8s/applications/namespace.yaml --
apiVersion: v1
kind: Namespace
metadata: {{name: late}}
"""


@pytest.mark.parametrize(
    ("wait", "install", "severity"),
    [
        ("false", "{remediation: {retries: -1}}", Severity.WARNING),
        ("false", "{strategy: {name: RetryOnFailure}}", Severity.WARNING),
        ("false", "{}", Severity.ERROR),
        ("true", "{remediation: {retries: -1}}", Severity.ERROR),
    ],
    ids=["tried again", "tried again by strategy", "tried once", "waited for"],
)
def test_a_late_target_namespace_is_an_error_only_where_the_release_is_not_tried_again(
    tmp_path: Path, wait: str, install: str, severity: Severity
) -> None:
    """Seed 24: a HelmRelease needs its target namespace when it is installed, not when it is applied."""
    root = trees.write(tmp_path, LATE_TARGET.format(wait=wait, install=install))
    found = run.run(root, config.load(root), stages=[Stage.ORDER]).findings
    assert [finding.severity for finding in found if finding.rule == "E5"] == [severity]


RACE = """
-- k8s/infrastructure/release.yaml --
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: kube-prometheus-stack, namespace: observability}}
spec:
  interval: 10m
  chart:
    spec:
      chart: kube-prometheus-stack
      version: 88.5.3
      sourceRef: {{kind: HelmRepository, name: charts, namespace: flux-system}}
  install: {{crds: CreateReplace}}
  upgrade: {{crds: CreateReplace}}
  dependsOn: {depends_on}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: pushgateway, namespace: observability}}
spec:
  interval: 10m
  chart:
    spec:
      chart: prometheus-pushgateway
      version: 3.8.0
      sourceRef: {{kind: HelmRepository, name: charts, namespace: flux-system}}
  values: {{serviceMonitor: {{enabled: true}}}}
"""


@pytest.mark.parametrize(
    ("depends_on", "severity"), [("[]", Severity.WARNING), ("[{name: pushgateway}]", Severity.ERROR)]
)
def test_a_race_for_a_crd_is_an_error_only_where_it_cannot_be_won(
    tmp_path: Path, depends_on: str, severity: Severity
) -> None:
    """helm-controller tries a chart whose kinds are not known again, and counts no such attempt."""
    root = trees.write(tmp_path, RACE.format(depends_on=depends_on))
    found = run.run(root, config.load(root), stages=[Stage.ORDER]).findings
    assert [finding.severity for finding in found if finding.rule == "E13"] == [severity]
