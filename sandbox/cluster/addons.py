"""What EKS's add-ons put into a cluster: Deployments and DaemonSets by their real names, as small as they can be."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "kube-system"
MANAGER = "eks"
"""The field manager of EKS (EKS user guide, "Determine fields you can customize for Amazon EKS add-ons")."""

WORKLOADS: Mapping[str, tuple[tuple[str, str, int], ...]] = MappingProxyType(
    {
        "vpc-cni": (("DaemonSet", "aws-node", 0),),
        "kube-proxy": (("DaemonSet", "kube-proxy", 0),),
        "eks-pod-identity-agent": (("DaemonSet", "eks-pod-identity-agent", 0),),
        "coredns": (("Deployment", "coredns", 2),),
        "aws-ebs-csi-driver": (("Deployment", "ebs-csi-controller", 2), ("DaemonSet", "ebs-csi-node", 0)),
        "metrics-server": (("Deployment", "metrics-server", 2),),
    }
)
"""Add-on → kind, name and replicas of its workloads."""

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
    made = [_workload(kind, name, replicas, version) for kind, name, replicas in WORKLOADS.get(addon, ())]
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


def _workload(kind: str, name: str, replicas: int, version: str) -> dict[str, Any]:
    labels = {"k8s-app": "kube-dns" if name == "coredns" else name}
    container = {
        "name": name,
        "image": f"public.ecr.aws/eks/{name}:{version}",
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
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
        spec["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {**labels, LABEL: name}},
        "spec": spec,
    }
