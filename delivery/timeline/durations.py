"""How long AWS takes, in seconds: the longest of the published logs of each step, so that no path looks short.

Sources: apply logs of public Terraform and Pulumi repositories on EKS, 2021 to 2026 (create: control plane 8m13 to
12m45 in twelve of them; NAT gateway 1m23 to 1m52; node group of two 1m28 to 3m21). Steps that no log shows take 1 s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CREATE: Mapping[str, float] = {
    "Vpc": 24,
    "Subnet": 10,
    "NatGateway": 112,
    "Cluster": 765,
    "NodeGroup": 201,
    "Addon vpc-cni": 35,
    "Addon eks-pod-identity-agent": 35,
    "Addon kube-proxy": 25,
    "Addon coredns": 56,
    "Addon aws-ebs-csi-driver": 45,
    "Addon metrics-server": 45,
}
DELETE: Mapping[str, float] = {"NatGateway": 94, "Cluster": 228, "NodeGroup": 252}
OTHER = 1.0


def seconds(label: str, table: Mapping[str, float]) -> float:
    """The duration of a step: by its label, else by its type."""
    return table.get(label, table.get(label.split(" ")[0], OTHER))
