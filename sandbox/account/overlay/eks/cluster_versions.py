"""DescribeClusterVersions, which moto lacks: the minors that the project knows, and their support on this day.

Source: EKS API reference, DescribeClusterVersions and ClusterVersionInformation; EKS user guide, "Kubernetes versions"
(extended support lasts twelve months).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from infra.contract.versions import KUBERNETES_DEFAULT
from sandbox.account.overlay.eks.backend import page
from sandbox.account.overlay.eks.versions import STANDARD_UNTIL

if TYPE_CHECKING:
    from sandbox.account.overlay.eks.backend import Call, Document, Operations

EXTENDED = timedelta(days=365)


def describe_cluster_versions(call: Call) -> Document:
    """DescribeClusterVersions; it knows no other minors, and leaves them out."""
    wanted, today = call.request.get("clusterVersions"), datetime.now(UTC).date()
    found = [
        _described(minor, until, today) for minor, until in STANDARD_UNTIL.items() if minor in (wanted or (minor,))
    ]
    return page("clusterVersions", found, call.request)


def _described(minor: str, until: date, today: date) -> Document:
    ends = {"STANDARD_SUPPORT": until, "EXTENDED_SUPPORT": until + EXTENDED}
    status = next((status for status, last in ends.items() if today <= last), "UNSUPPORTED")
    return {
        "clusterVersion": minor,
        "clusterType": "eks",
        "defaultVersion": minor == KUBERNETES_DEFAULT,
        "endOfStandardSupportDate": datetime.combine(until, time(), UTC),
        "endOfExtendedSupportDate": datetime.combine(until + EXTENDED, time(), UTC),
        "status": status.lower().replace("_", "-"),
        "versionStatus": status,
    }


OPERATIONS: Operations = {"DescribeClusterVersions": describe_cluster_versions}
