"""The tags by which Kubernetes' controllers mark what they make in AWS (docs/teardown-tags.md has who writes which)."""

from __future__ import annotations

CLUSTER_PREFIX = "kubernetes.io/cluster/"
"""Followed by the cluster's name; the value is owned or shared."""

CONTROLLER = "elbv2.k8s.aws/cluster"
CNI = "cluster.k8s.amazonaws.com/name"
CNI_CREATED = "node.k8s.amazonaws.com/createdAt"
CSI = "ebs.csi.aws.com/cluster-name"
AUTO_MODE = "eks:eks-cluster-name"
NO_MANAGE = "node.k8s.amazonaws.com/no_manage"
