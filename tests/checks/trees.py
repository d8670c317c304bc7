"""Repositories for the checks' tests, each written as one text.

`-- <file> --` begins a file; what is before the first one is a remark. One named as a file of the skeleton replaces it.
A line that ends in `# ! <rule>` is where that rule has to find something, as is the line after `# ^ <rule>`.
A file of the one line `-> <target>` is a symlink; `\\xfc` stands for that byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = re.compile(r"^-- (.+) --\n", re.MULTILINE)
MARK = re.compile(r"# (?P<way>[!^]) (?P<rule>\w+)(?: latin-1: .*)?$")
LINK = re.compile(r"-> (\S+)( #.*)?\n")

SKELETON = """
-- checks.yaml --
kubernetes: "1.36"
bootstrap:
  path: k8s/flux-system
  components: [source-controller, kustomize-controller, helm-controller]
variables:
  ConfigMap/flux-system/terraform-outputs:
    VPC_ID: {sample: vpc-0123456789abcdef0}
    AWS_ACCOUNT_ID: {sample: "123456789012"}
    ECR_REGISTRY: {sample: 123456789012.dkr.ecr.eu-west-2.amazonaws.com}
-- k8s/flux-system/flux-system/kustomization.yaml --
resources: [gotk-components.yaml, gotk-sync.yaml, kustomizations.yaml, repositories.yaml]
-- k8s/flux-system/flux-system/repositories.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: flux-system}
spec: {interval: 1h, url: https://charts.example.com}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: prometheus-community, namespace: flux-system}
spec: {interval: 1h, url: https://prometheus-community.github.io/helm-charts}
-- k8s/flux-system/flux-system/gotk-sync.yaml --
# the bootstrap's
-- k8s/flux-system/flux-system/kustomizations.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: infrastructure, namespace: flux-system}
spec:
  interval: 5m
  retryInterval: 1m
  timeout: 20m
  path: ./k8s/infrastructure
  prune: true
  wait: true
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild:
    substituteFrom: [{kind: ConfigMap, name: terraform-outputs}]
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: applications, namespace: flux-system}
spec:
  interval: 5m
  retryInterval: 1m
  timeout: 5m
  path: ./k8s/applications
  prune: true
  wait: true
  dependsOn: [{name: infrastructure}]
  sourceRef: {kind: GitRepository, name: flux-system}
-- k8s/infrastructure/namespaces.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: observability}
---
apiVersion: v1
kind: Namespace
metadata: {name: applications}
-- k8s/applications/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: applications}
data: {greeting: hello}
"""


def files(text: str) -> dict[str, str]:
    """File → content."""
    parts = FILE.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def write(root: Path, text: str = "") -> Path:
    """Write the skeleton, and a text's files over it."""
    for name, content in (files(SKELETON) | files(text)).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if link := LINK.fullmatch(content):
            path.symlink_to(link[1])
        else:
            path.write_bytes(content.encode().replace(rb"\xfc", b"\xfc"))
    return root


def marks(text: str, rule: str) -> list[tuple[str, int]]:
    """The places, file and line, where a rule has to find something, once for each mark."""
    return sorted(
        (name, number + (mark["way"] == "^"))
        for name, content in files(text).items()
        for number, line in enumerate(content.splitlines(), 1)
        if (mark := MARK.search(line)) and mark["rule"] == rule
    )
