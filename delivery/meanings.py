"""What a change means for the people on the platform, for the kinds of resources where somebody gets hurt.

Sources: AWS's guides and API references as named in each row; durations are the longest of published apply logs
(create and delete of a cluster 12m45s and 3m48s, of a NAT gateway 1m52s and 1m34s, of a node group 3m21s and 4m12s).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue


@dataclass(frozen=True)
class Meaning:
    """A kind of resource, and what happens to people when it changes."""

    noun: str
    """What the report's first line calls it."""
    replaced: str
    deleted: str
    source: str
    minutes: int = 0
    """How long it is missing while it is replaced; 0: not at all, or nobody knows."""
    updated: Mapping[str, str] = field(default_factory=dict[str, str])
    """How the path of a property begins → what its update in place means."""

    @property
    def short(self) -> str:
        """For the report's first line."""
        return f"{self.noun}: {self.minutes} min without it" if self.minutes else self.noun


CLUSTER = "aws:eks/cluster:Cluster"
ROLE = "aws:iam/role:Role"

MEANINGS: Mapping[str, Meaning] = {
    CLUSTER: Meaning(
        "cluster",
        "The Kubernetes API and everything in the cluster is gone for about 20 minutes. Volumes and load balancers of "
        "its workloads stay behind: run `fleet teardown` first. Afterwards run `fleet bootstrap run`.",
        "Everything in the cluster is gone. Volumes and load balancers of its workloads stay behind: "
        "run `fleet teardown` first.",
        "EKS user guide, Delete a cluster",
        minutes=20,
        updated={
            "version": "The control plane is upgraded in place, in about 10 minutes; a downgrade is not possible.",
            **dict.fromkeys(
                ("vpcConfig.endpoint", "vpcConfig.publicAccessCidrs"), "Who reaches the Kubernetes API changes."
            ),
        },
    ),
    "aws:ec2/vpc:Vpc": Meaning(
        "VPC",
        "Nothing in a VPC can move to another one: all that is in it is replaced too. The update fails half way, since "
        "AWS does not detach an internet gateway while addresses are mapped: destroy the stack, then build it again.",
        "Everything in the VPC is deleted with it.",
        "VPC user guide, Delete your VPC; EC2 API, DetachInternetGateway",
    ),
    "aws:eks/nodeGroup:NodeGroup": Meaning(
        "node group",
        "All its pods are evicted. A new group is built first, unless the cluster is replaced too.",
        "All its pods are evicted, and start elsewhere only if other node groups have room.",
        "EKS user guide, Delete a managed node group",
        updated=dict.fromkeys(
            ("version", "releaseVersion", "launchTemplate"),
            "Nodes are renewed one at a time: each pod is evicted once.",
        ),
    ),
    "aws:ec2/natGateway:NatGateway": Meaning(
        "NAT gateway",
        "Nodes in private subnets do not reach the internet meanwhile: no image is pulled, and Flux does not pull.",
        "Nodes in private subnets that use it do not reach the internet.",
        "VPC user guide, NAT gateways",
        minutes=4,
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Meaning(
        "OIDC provider",
        "Pods get no AWS credentials through their ServiceAccounts until the roles trust the new provider.",
        "Pods get no AWS credentials through their ServiceAccounts.",
        "EKS user guide, IAM roles for service accounts",
    ),
    ROLE: Meaning(
        "role of a ServiceAccount",
        "Its ARN changes. Pods lose their AWS permissions until `fleet bootstrap run` has written the new ARN and they "
        "have restarted.",
        "Pods that use it lose their AWS permissions.",
        "EKS user guide, IAM roles for service accounts",
    ),
    "aws:s3/bucket:Bucket": Meaning(
        "bucket",
        "Every object in it is lost. AWS refuses while it is not empty.",
        "Every object in it is lost. AWS refuses while it is not empty.",
        "S3 user guide, Deleting a bucket",
    ),
    "aws:kms/key:Key": Meaning(
        "key",
        "What the old key encrypted cannot be read once its waiting period has ended.",
        "What it encrypted cannot be read once its waiting period has ended.",
        "KMS developer guide, Deleting KMS keys",
    ),
    "aws:ecr/repository:Repository": Meaning(
        "image repository",
        "Every image in it is lost: new pods that need one do not start.",
        "Every image in it is lost: new pods that need one do not start.",
        "ECR user guide, Deleting a private repository",
    ),
}
"""Type → what its change means, the most severe first."""


def of(kind: str, inputs: Mapping[str, JsonValue]) -> Meaning | None:
    """What a resource's change means; None where nobody gets hurt.

    Args:
        kind: the resource's type.
        inputs: its inputs, which tell a role of a ServiceAccount from others.
    """
    if kind == ROLE and "AssumeRoleWithWebIdentity" not in str(inputs.get("assumeRolePolicy")):
        return None
    return MEANINGS.get(kind)
