"""Generated repositories of any size, for `make bench` and for what must stay linear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.checks import trees

if TYPE_CHECKING:
    from pathlib import Path

PER_APPLICATION = 5
"""Objects of one application."""

PER_KUSTOMIZATION = 100
"""Objects of one Flux Kustomization, about as many as teams put into one."""

APPLICATION = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: applications, labels: {{app: {name}}}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      securityContext: {{runAsNonRoot: true, runAsUser: 1000}}
      containers:
        - name: app
          image: ${{ECR_REGISTRY}}/{name}:v1.2.3
          ports: [{{name: http, containerPort: 8080}}]
          env:
            - {{name: CLUSTER, value: "on ${{VPC_ID}}"}}
          resources:
            requests: {{cpu: 50m, memory: 64Mi}}
            limits: {{memory: 128Mi}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: applications}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: http}}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}, namespace: applications}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}
  minReplicas: 2
  maxReplicas: 4
  metrics:
    - type: Resource
      resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 60}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {name}, namespace: applications}}
spec:
  maxUnavailable: 1
  selector: {{matchLabels: {{app: {name}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, namespace: applications}}
data:
  greeting: hello from ${{VPC_ID}}
"""

FLUX = """
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 5m
  retryInterval: 1m
  timeout: 5m
  path: ./k8s/{name}
  prune: true
  wait: true
  {after}
  sourceRef: {{kind: GitRepository, name: flux-system}}
  postBuild:
    substituteFrom: [{{kind: ConfigMap, name: terraform-outputs}}]
"""


def write(root: Path, objects: int) -> list[str]:
    """Write a repository with so many objects, and namespaces; gives the paths of its Flux Kustomizations."""
    trees.write(root)
    (root / "k8s" / "applications" / "config.yaml").unlink()
    paths = ["infrastructure"]
    flux = [FLUX.format(name="infrastructure", after="")]
    for first in range(0, objects, PER_KUSTOMIZATION):
        name = f"applications-{first // PER_KUSTOMIZATION}"
        folder = root / "k8s" / name
        for number in range(first, min(first + PER_KUSTOMIZATION, objects), PER_APPLICATION):
            path = folder / f"app-{number}" / "app.yaml"
            path.parent.mkdir(parents=True)
            path.write_text(APPLICATION.format(name=f"app-{number}"))
        flux.append(FLUX.format(name=name, after="dependsOn: [{name: infrastructure}]"))
        paths.append(name)
    sync = root / "k8s" / "flux-system" / "flux-system" / "kustomizations.yaml"
    sync.write_text("---".join(flux))
    return [f"k8s/{path}" for path in paths]
