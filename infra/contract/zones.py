"""Which availability zones EKS refuses, and where the letters of zones cannot be guessed.

Sources: EKS user guide, "View Amazon EKS networking requirements for VPC and subnets" (the zones that it refuses); EC2
user guide, "Availability Zone IDs" (in older regions a letter is another zone in another account).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED_BY_EKS = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
"""By zone id, which is the same in every account."""

UNSAFE_LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "us-east-1": "EKS refuses use1-az3, which may have any letter",
        "us-west-1": "an account has two of its zones, under any letters, and EKS refuses usw1-az2",
        "ca-central-1": "EKS refuses cac1-az3, which may have any letter",
        "ap-northeast-1": "most accounts have no zone b there",
    }
)
"""Region → why its zones a and b may not do."""
