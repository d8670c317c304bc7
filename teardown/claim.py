"""Whose something is: by every family of tags that controllers put on what they make, and by name where there is none.

Sources: AWS Load Balancer Controller, pkg/deploy/tracking/provider.go and pkg/networking/backend_sg_provider.go; Amazon
VPC CNI, pkg/awsutils/awsutils.go; Amazon EBS CSI driver, docs/tagging.md; cloud-provider-aws, pkg/providers/v1/tags.go;
EKS user guide, "Tag your Amazon EKS resources".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CLUSTER_PREFIX = "kubernetes.io/cluster/"
"""Followed by the cluster's name; the value is owned or shared."""

CONTROLLER = "elbv2.k8s.aws/cluster"
CNI = "cluster.k8s.amazonaws.com/name"
CSI = "ebs.csi.aws.com/cluster-name"
EKS = "aws:eks:cluster-name"
NODE_GROUP = "eks:cluster-name"
KARPENTER = "karpenter.sh/discovery"
FAMILIES = (CONTROLLER, CNI, CSI, EKS, NODE_GROUP, KARPENTER)
"""Tags whose value is the cluster's name."""

STACK = "cluster"
"""The tag of what the stack itself makes."""

MARKS = (
    "ingress.k8s.aws/",
    "service.k8s.aws/",
    "gateway.k8s.aws",
    "elbv2.k8s.aws/",
    "kubernetes.io/service-name",
    "node.k8s.amazonaws.com/",
    "eks:eni:owner",
    "eks:kubernetes-cni-node-name",
)
"""How the tags begin that say that a controller made something, but not of which cluster."""


class Claim(StrEnum):
    """Whose something is."""

    OURS = "the cluster's"
    SHARED = "shared"
    OTHERS = "another cluster's"
    NOBODYS = "nobody's"
    """No tag and no name says so: perhaps a person's."""


def keys(cluster: str) -> list[str]:
    """Every tag key that may say that something is a cluster's, for filters of AWS by key."""
    return [f"{CLUSTER_PREFIX}{cluster}", *FAMILIES]


def claim(tags: Mapping[str, str], cluster: str, *, in_vpc: bool = False, named: bool = False) -> Claim:
    """Whose something is.

    Args:
        tags: its tags.
        cluster: the cluster's exact name: `staging` is not `staging-2`.
        in_vpc: whether it is in the cluster's VPC.
        named: whether its name is one that a controller gives, to what is in that VPC.
    """
    if any(key.startswith(CLUSTER_PREFIX) and value == "shared" for key, value in tags.items()):
        return Claim.SHARED
    owners = {key.removeprefix(CLUSTER_PREFIX) for key, value in tags.items() if _is_owned(key, value)}
    owners |= {tags[key] for key in FAMILIES if key in tags}
    if owners:
        return Claim.OURS if owners == {cluster} else Claim.OTHERS
    marked = named or any(key.startswith(MARKS) for key in tags)
    return Claim.OURS if in_vpc and marked else Claim.NOBODYS


def is_group_named(name: str, cluster: str) -> bool:
    """Whether EKS, the load balancer controller or the cloud controller manager names a security group of a VPC so."""
    own = re.escape(cluster)
    return bool(re.fullmatch(rf"eks-cluster-sg-{own}-\d+|k8s-traffic-{own}-[0-9a-f]{{10}}|k8s-elb-[0-9a-f]+", name))


def is_interface_named(description: str, cluster: str) -> bool:
    """Whether the VPC CNI or EKS describes a network interface of a VPC so."""
    return bool(re.fullmatch(rf"aws-K8S-i-[0-9a-f]+|Amazon EKS {re.escape(cluster)}", description))


def _is_owned(key: str, value: str) -> bool:
    return key.startswith(CLUSTER_PREFIX) and value == "owned"
