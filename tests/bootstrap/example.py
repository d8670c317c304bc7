"""The outputs of a stack that is up."""

from __future__ import annotations

import base64
from typing import Any

OUTPUTS: dict[str, Any] = {
    "vpc_id": "vpc-0a1b2c3d4e5f60718",
    "cluster_name": "staging",
    "aws_region": "eu-west-2",
    "aws_account_id": "123456789012",
    "environment": "staging",
    "ecr_registry": "123456789012.dkr.ecr.eu-west-2.amazonaws.com",
    "ingress_cidrs": "203.0.113.0/24",
    "ingress_scheme": "internet-facing",
    "load_balancer_cidr": "10.0.224.0/19",
    "load_balancer_controller_role_arn": "arn:aws:iam::123456789012:role/infra-fleet/staging/load-balancer-controller",
    "cluster_endpoint": "https://0123456789ABCDEF.gr7.eu-west-2.eks.amazonaws.com",
    "cluster_certificate_authority": base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode(),
    "cluster_security_group_id": "sg-0a1b2c3d4e5f60718",
    "oidc_issuer": "https://oidc.eks.eu-west-2.amazonaws.com/id/0123456789ABCDEF",
    "private_subnet_ids": ["subnet-1", "subnet-2"],
    "public_subnet_ids": ["subnet-3", "subnet-4"],
    "node_group_names": ["default-1"],
}
