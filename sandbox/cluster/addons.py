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


def manifests(addon: str, version: str) -> list[dict[str, Any]]:
    """The workloads of an add-on at a version, such as v1.14.7-eksbuild.10; none of one that is not known."""
    return [_workload(kind, name, replicas, version) for kind, name, replicas in WORKLOADS.get(addon, ())]


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
