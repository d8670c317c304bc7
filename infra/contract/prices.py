"""What a fleet costs, in US dollars, eu-west-2 (London). Source: AWS price list, September and October 2026."""

from __future__ import annotations

EKS_CLUSTER_HOUR = 0.10
EKS_CLUSTER_EXTENDED_SUPPORT_HOUR = 0.60
NAT_GATEWAY_HOUR = 0.050
PUBLIC_IPV4_HOUR = 0.005
T3_LARGE_ON_DEMAND_HOUR = 0.0944
T3_LARGE_SPOT_HOUR = 0.031
LOAD_BALANCER_HOUR = 0.02646
GP3_GB_MONTH = 0.0928
SNAPSHOT_GB_MONTH = 0.053

HOURS_A_MONTH = 730
"""AWS's own convention for monthly prices."""


def stack_hour(nodes: int, disk_gib: int) -> float:
    """US dollars an hour of a stack with one NAT gateway and spot nodes; traffic and load balancers come on top."""
    node = T3_LARGE_SPOT_HOUR + disk_gib * GP3_GB_MONTH / HOURS_A_MONTH
    return EKS_CLUSTER_HOUR + NAT_GATEWAY_HOUR + PUBLIC_IPV4_HOUR + nodes * node
