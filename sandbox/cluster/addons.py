"""What EKS's add-ons put into a cluster: Deployments and DaemonSets by their real names, as small as they can be."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "kube-system"
MANAGER = "eks"
"""The field manager of EKS (EKS user guide, "Determine fields you can customize for Amazon EKS add-ons")."""


@dataclass(frozen=True)
class Workload:
    """What an add-on runs, with the requests of all containers of a pod together."""

    kind: str
    name: str
    cpu: int
    """Thousandths of a core."""
    memory: int
    """MiB."""
    replicas: int = 0
    """0: one on each node."""

    @property
    def requests(self) -> dict[str, str]:
        """As a container writes them; what asks for nothing has none."""
        found = {"cpu": f"{self.cpu}m", "memory": f"{self.memory}Mi"}
        return {key: value for key, value in found.items() if not value.startswith("0")}


WORKLOADS: Mapping[str, tuple[Workload, ...]] = MappingProxyType(
    {
        "vpc-cni": (Workload("DaemonSet", "aws-node", 50, 0),),
        "kube-proxy": (Workload("DaemonSet", "kube-proxy", 100, 0),),
        "eks-pod-identity-agent": (Workload("DaemonSet", "eks-pod-identity-agent", 0, 0),),
        "coredns": (Workload("Deployment", "coredns", 100, 70, 2),),
        "aws-ebs-csi-driver": (
            Workload("Deployment", "ebs-csi-controller", 60, 240, 2),
            Workload("DaemonSet", "ebs-csi-node", 30, 120),
        ),
        "metrics-server": (Workload("Deployment", "metrics-server", 100, 200, 1),),
    }
)
"""Add-on → its workloads. Requests are the add-ons' defaults (the charts and manifests that EKS' add-ons are made of):
aws-node and its network policy agent 25m each, six containers of the EBS CSI driver's controller and three of its node
10m and 40Mi each. The replicas are those of `infra/addons.py`.
"""

LABEL = "eks.amazonaws.com/component"


EBS_CONTROLLER = "ebs-csi-controller"
RULES: tuple[dict[str, Any], ...] = (
    {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["persistentvolumeclaims", "pods", "nodes"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get", "list", "watch"]},
)
"""What the controller of the EBS CSI driver may do in the cluster."""


def manifests(addon: str, version: str, cluster: str, region: str, role: str) -> list[dict[str, Any]]:
    """What an add-on puts into a cluster; nothing of one that is not known.

    Args:
        addon: its name.
        version: such as v1.14.7-eksbuild.10.
        cluster: the cluster's name.
        region: its AWS region.
        role: the ARN of its ServiceAccount's role; empty if it has none.
    """
    made = [_workload(each, version) for each in WORKLOADS.get(addon, ())]
    for each in made:
        if each["metadata"]["name"] == EBS_CONTROLLER:
            pod = each["spec"]["template"]["spec"]
            pod["serviceAccountName"] = EBS_CONTROLLER
            pod["containers"][0]["args"] = [f"--k8s-tag-cluster-id={cluster}", f"--region={region}"]
            made = [*_identity(EBS_CONTROLLER, role), *made]
    return made


def _identity(name: str, role: str) -> list[dict[str, Any]]:
    """A ServiceAccount, its IAM role, and what it may do."""
    annotations = {"annotations": {"eks.amazonaws.com/role-arn": role}} if role else {}
    rbac = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    reference = {"apiGroup": rbac, "kind": "ClusterRole", "name": name}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": NAMESPACE, **annotations},
        },
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(RULES)},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "subjects": [subject],
            "roleRef": reference,
        },
    ]


def _workload(workload: Workload, version: str) -> dict[str, Any]:
    kind, name = workload.kind, workload.name
    labels = {"k8s-app": "kube-dns" if name == "coredns" else name}
    container = {
        "name": name,
        "image": f"public.ecr.aws/eks/{name}:{version}",
        "resources": {"requests": workload.requests},
    }
    pod = {
        "priorityClassName": "system-node-critical",
        # A DaemonSet's pods run on every node, those of a Deployment wait for one that takes pods.
        **({"tolerations": [{"operator": "Exists"}]} if kind == "DaemonSet" else {}),
        "containers": [container],
    }
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if kind == "Deployment":
        spec["replicas"] = workload.replicas
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {**labels, LABEL: name}},
        "spec": spec,
    }
