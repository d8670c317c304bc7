"""Whose something is: kind, tags, name and VPC together.

What is bound to a VPC is the cluster's only inside the cluster's VPC, whatever its tags say. What is bound to none is
the cluster's by exact tags alone. Each tag that controllers or people write says one of three things (FAMILIES).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from infra.contract import controller_tags, names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from teardown.target import Target

STACK = "cluster"
"""The tag of what the stack itself makes, in addition to `project`."""

MADE = re.compile(r"aws-K8S-i-[0-9a-f]+|aws-k8s-(trunk|branch)-eni")
"""How the VPC CNI and the VPC resource controller describe the interfaces that they make."""


class Means(StrEnum):
    """What a tag says of who made something."""

    OWNER = "made by, for the cluster it names"
    MARK = "made by a controller, cluster not named"
    USE = "may be used by"
    FOREIGN = "made by another tool"


@dataclass(frozen=True)
class Family:
    """A tag, or all tags whose keys begin alike, and what it says."""

    key: str
    """The key; with `*` at its end, how keys begin."""
    writer: str
    on: str
    """The kinds of resources."""
    means: Means
    source: str
    """Where the writer's code or its owner's documentation says so."""

    def has(self, key: str) -> bool:
        """Whether a tag's key is of this family."""
        return key.startswith(self.key[:-1]) if self.key.endswith("*") else key == self.key


def _balancing(prefix: str, writer: str, source: str) -> Family:
    return Family(prefix, writer, "load balancer, target group, security group", Means.MARK, source)


LBC, KARPENTER, EBS, VPC_CNI, RESOURCES = (
    "AWS Load Balancer Controller",
    "Karpenter",
    "EBS CSI driver",
    "VPC CNI",
    "VPC resource controller",
)
AUTO = "EKS Auto Mode"
_TRACKING = "aws-load-balancer-controller, pkg/deploy/tracking/provider.go"
_LABELS = "karpenter-provider-aws, pkg/apis/v1/labels.go"
_NODES = "instance, volume, network interface, launch template, instance profile"

FAMILIES = (
    Family(
        f"{controller_tags.CLUSTER_PREFIX}<cluster> = owned",
        f"cloud controller manager, {EBS}, {RESOURCES}, {KARPENTER}, EKS",
        f"load balancer, security group, snapshot, {_NODES}",
        Means.OWNER,
        "cloud-provider-aws, pkg/providers/v1/tags.go",
    ),
    Family(
        f"{controller_tags.CLUSTER_PREFIX}<cluster> = shared",
        "people, Terraform, EKS before 1.19",
        "VPC, subnet, security group",
        Means.USE,
        "cloud-provider-aws, pkg/providers/v1/tags.go (ResourceLifecycleShared)",
    ),
    Family(controller_tags.CONTROLLER, LBC, "load balancer, target group, security group", Means.OWNER, _TRACKING),
    Family(
        "ingress.k8s.aws/cluster", f"{LBC} 1", "load balancer, target group, security group", Means.OWNER, _TRACKING
    ),
    Family(
        controller_tags.CNI,
        VPC_CNI,
        "network interface that it made",
        Means.OWNER,
        "amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go",
    ),
    Family(controller_tags.CSI, EBS, "volume, snapshot", Means.OWNER, "aws-ebs-csi-driver, docs/tagging.md"),
    Family(
        "aws:eks:cluster-name",
        "EKS",
        "cluster security group",
        Means.OWNER,
        "EKS user guide, security group requirements",
    ),
    Family(
        "eks:cluster-name",
        "EKS managed node groups",
        "instance, volume, network interface, launch template, security group",
        Means.OWNER,
        "AWSServiceRoleForAmazonEKSNodegroup",
    ),
    Family(
        controller_tags.AUTO_MODE,
        f"{KARPENTER} 1, {AUTO}",
        f"{_NODES}, load balancer, target group, security group, snapshot",
        Means.OWNER,
        f"{_LABELS} (EKSClusterNameTagKey); AmazonEKSComputePolicy",
    ),
    Family("karpenter.k8s.aws/cluster", f"{KARPENTER} 0", "launch template", Means.OWNER, _LABELS),
    Family("karpenter.sh/managed-by", f"{KARPENTER} 0", _NODES, Means.OWNER, _LABELS),
    _balancing("ingress.k8s.aws/stack", LBC, _TRACKING),
    _balancing("ingress.k8s.aws/resource", LBC, _TRACKING),
    _balancing("service.k8s.aws/stack", LBC, _TRACKING),
    _balancing("service.k8s.aws/resource", LBC, _TRACKING),
    _balancing("gateway.k8s.aws.alb/*", LBC, "aws-load-balancer-controller, pkg/gateway/constants"),
    _balancing("gateway.k8s.aws.nlb/*", LBC, "aws-load-balancer-controller, pkg/gateway/constants"),
    _balancing("service.eks.amazonaws.com/*", AUTO, "AmazonEKSLoadBalancingPolicy"),
    _balancing("ingress.eks.amazonaws.com/*", AUTO, "AmazonEKSLoadBalancingPolicy"),
    _balancing("kubernetes.io/service-name", "cloud controller manager", "cloud-provider-aws, pkg/providers/v1/aws.go"),
    Family(
        "elbv2.k8s.aws/resource",
        LBC,
        "security group",
        Means.MARK,
        "aws-load-balancer-controller, pkg/networking/backend_sg_provider.go",
    ),
    Family(
        controller_tags.CNI_CREATED,
        VPC_CNI,
        "network interface",
        Means.MARK,
        "amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go",
    ),
    Family(
        "vpcresources.k8s.aws/*",
        RESOURCES,
        "network interface",
        Means.MARK,
        "amazon-vpc-resource-controller-k8s, pkg/config/type.go",
    ),
    Family("eks:kubernetes-cni-node-name", AUTO, "network interface", Means.MARK, "AmazonEKSNetworkingPolicy"),
    Family("karpenter.sh/nodepool", KARPENTER, _NODES, Means.MARK, "karpenter-provider-aws, pkg/utils/utils.go"),
    Family("karpenter.sh/provisioner-name", f"{KARPENTER} 0", _NODES, Means.MARK, _LABELS),
    Family("karpenter.k8s.aws/ec2nodeclass", KARPENTER, _NODES, Means.MARK, _LABELS),
    Family(
        "karpenter.sh/discovery",
        "people, for Karpenter to find",
        "subnet, security group",
        Means.USE,
        "karpenter-provider-aws, examples/v1 (its code never writes it)",
    ),
    Family(
        controller_tags.NO_MANAGE,
        "people",
        "network interface",
        Means.USE,
        "amazon-vpc-cni-k8s, README.md, No Manage tag",
    ),
    Family(
        "node.k8s.amazonaws.com/instance_id",
        f"{VPC_CNI}, also on interfaces that it did not make",
        "network interface",
        Means.USE,
        "amazon-vpc-cni-k8s, pkg/ipamd/ipamd.go (setUnmanagedENIs)",
    ),
    Family(
        "eks:eni:owner",
        f"{VPC_CNI}, also on interfaces that it did not make",
        "network interface",
        Means.USE,
        "amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go",
    ),
    Family(
        "ebs.csi.aws.com/cluster", f"any {EBS}", "volume, snapshot", Means.USE, "aws-ebs-csi-driver, pkg/cloud/cloud.go"
    ),
    Family("kubernetes.io/role/*", "people", "subnet", Means.USE, "EKS user guide, subnet requirements"),
    Family(
        "k8s.io/cluster-autoscaler/*",
        "EKS, people",
        "Auto Scaling group, instance",
        Means.USE,
        "EKS user guide, autoscaling",
    ),
    Family(
        "KubernetesCluster",
        f"kops, cloud controller manager (legacy), {EBS}",
        "anything",
        Means.USE,
        "cloud-provider-aws, pkg/providers/v1/tags.go (legacy)",
    ),
    Family("aws:cloudformation:*", "CloudFormation", "anything", Means.FOREIGN, "CloudFormation user guide, tags"),
    Family("alpha.eksctl.io/*", "eksctl", "anything", Means.FOREIGN, "eksctl, pkg/apis/eksctl.io/v1alpha5/types.go"),
    Family(
        "sigs.k8s.io/cluster-api-provider-aws/*",
        "Cluster API",
        "anything",
        Means.FOREIGN,
        "cluster-api-provider-aws, api/v1beta2/tags.go",
    ),
    Family("crossplane-*", "Crossplane", "anything", Means.FOREIGN, "crossplane-runtime, GetExternalTags"),
    Family("services.k8s.aws/*", "ACK", "anything", Means.FOREIGN, "ACK runtime, default resource tags"),
)
"""Every family of tags, and what it says. docs/teardown-tags.md shows this table."""

NAMING = tuple(each.key for each in FAMILIES if each.means is Means.OWNER and " = " not in each.key)
"""The keys whose value is the owner's name."""


class Claim(StrEnum):
    """Whose something is."""

    OURS = "the cluster's"
    MARKED = "a controller's, in the cluster's VPC"
    """It names no cluster: the cluster's as long as no other has anything in the VPC."""
    STACK = "the stack's own"
    """`pulumi destroy` takes it away; the sweep only while recovering a state that has lost it."""
    UNPLACED = "tagged for the cluster, in a VPC that is not known to be the cluster's"
    """The cluster's VPC is unknown, or the other one carries the stack's tags: listed as left, never deleted."""
    ELSEWHERE = "tagged for the cluster, in another VPC"
    """Listed, and not counted: another cluster of that name may have made it."""
    SHARED = "shared"
    OTHERS = "another cluster's"
    NOBODYS = "without an ownership tag"
    """No tag and no name says so: perhaps a person's."""


UNBOUND = None
"""In place of a VPC: of a kind that is bound to none."""


def keys(cluster: str) -> list[str]:
    """Every tag key that may say that something is a cluster's, for filters of AWS by key."""
    return [f"{controller_tags.CLUSTER_PREFIX}{cluster}", *NAMING]


def owners(tags: Mapping[str, str]) -> frozenset[str]:
    """The clusters that something was made for, as its tags say."""
    named = {key.removeprefix(controller_tags.CLUSTER_PREFIX) for key, value in tags.items() if _is_owned(key, value)}
    return frozenset(named | {tags[key] for key in NAMING if key in tags})


def claim(tags: Mapping[str, str], target: Target, vpc: str | None = UNBOUND, *, named: bool = False) -> Claim:
    """Whose something is that a controller may have made.

    Args:
        tags: its tags.
        target: the cluster, whose name counts exactly: `staging` is not `staging-2`.
        vpc: the VPC that it is in, empty for none although its kind has one; UNBOUND for kinds that are bound to none.
        named: whether its name is one that a controller gives, to what is in that VPC.
    """
    if any(key.startswith(controller_tags.CLUSTER_PREFIX) and value == "shared" for key, value in tags.items()):
        return Claim.SHARED
    whose = owners(tags)
    if whose - {target.cluster} or _has(tags, Means.FOREIGN):
        return Claim.OTHERS
    if not whose:
        own = of_stack(tags, target, vpc)
        marked = named or _has(tags, Means.MARK)
        return Claim.MARKED if own is Claim.NOBODYS and marked and target.has(vpc) else own
    return _placed(Claim.OURS, target, vpc)


def of_stack(tags: Mapping[str, str], target: Target, vpc: str | None = UNBOUND) -> Claim:
    """Whose something is that no controller makes: the stack's, by its own exact tags, or a person's.

    Args:
        tags: its tags.
        target: the cluster.
        vpc: as `claim` takes it.
    """
    if tags.get("project") != names.PROJECT or tags.get(STACK) != target.cluster:
        return Claim.NOBODYS
    return _placed(Claim.STACK, target, vpc)


def _placed(whose: Claim, target: Target, vpc: str | None) -> Claim:
    """That claim of what is in the cluster's VPC or bound to none; else that it is in another VPC, or may be."""
    if vpc is UNBOUND or target.has(vpc):
        return whose
    return Claim.UNPLACED if target.may_have(vpc) else Claim.ELSEWHERE


def group_name(cluster: str) -> str:
    """How the load balancer controller names the security group that all its load balancers share in a VPC.

    Source: pkg/networking/backend_sg_provider.go (getBackendSGName).
    """
    plain = re.sub(r"[^0-9A-Za-z]", "", cluster)
    return f"k8s-traffic-{plain[:232]}-{hashlib.sha256(cluster.encode()).hexdigest()[:10]}"


def is_group_named(name: str, cluster: str) -> bool:
    """Whether the load balancer controller or the cloud controller manager names a security group of a VPC so."""
    return name == group_name(cluster) or bool(re.fullmatch(r"k8s-elb-[0-9a-f]+", name))


def is_interface_made(description: str, tags: Mapping[str, str]) -> bool:
    """Whether the VPC CNI or the VPC resource controller made a network interface.

    Their tags alone do not say so: the VPC CNI tags every interface that it finds on a node.
    """
    return controller_tags.NO_MANAGE not in tags and (
        controller_tags.CNI_CREATED in tags or bool(MADE.fullmatch(description))
    )


def is_eks_interface(description: str, requester: str, cluster: str) -> bool:
    """Whether EKS made a network interface for the cluster's control plane, as AWS alone can say by its requester.

    Source: EKS user guide, "View Amazon EKS networking requirements"; its role's session is named AmazonEKS.
    """
    return description == f"Amazon EKS {cluster}" and requester.endswith(":AmazonEKS")


def _has(tags: Mapping[str, str], means: Means) -> bool:
    return any(family.has(key) for family in FAMILIES if family.means is means for key in tags)


def _is_owned(key: str, value: str) -> bool:
    return key.startswith(controller_tags.CLUSTER_PREFIX) and value == "owned"
