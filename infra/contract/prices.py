"""What a fleet costs, in US dollars. The constants are of eu-west-2: AWS price list, September and October 2026.

`REGIONS` has the prices of the regions where they could be found, each table with its date and source. What is not in
it is unknown, and is never taken for zero: docs/decisions/0022-a-price-that-is-not-known-is-unknown.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

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


KMS_KEY_MONTH = 1.00
"""A customer managed key, in every region (AWS KMS pricing, October 2026)."""


@dataclass(frozen=True)
class Table:
    """Prices that were read together, US dollars."""

    prices: Mapping[str, float]
    read: date
    source: str


@dataclass(frozen=True)
class Region:
    """The prices of one region: an hour, or of `gp3` a GiB for a month."""

    services: Table
    """`nat` (a NAT gateway) and `gp3`."""
    on_demand: Table
    """Instance type → Linux, shared tenancy."""
    spot: Table
    """Instance type → the mean of its zones, which moves from day to day."""


_LIST = "AWS price list, AmazonEC2"
_CATALOG = "AWS price list and spot price history, in a copy of SkyPilot's catalog v8"
_KARPENTER = "AWS price list, in Karpenter's generated table"
_CATALOG_READ = date(2026, 12, 1)


def _table(prices: str, read: date, source: str) -> Table:
    """Prices as `<what> <dollars>`, with commas between."""
    pairs = (pair.split() for pair in prices.split(","))
    return Table(MappingProxyType({what: float(dollars) for what, dollars in pairs}), read, source)


REGIONS: Mapping[str, Region] = MappingProxyType(
    {
        "eu-west-2": Region(
            _table(f"nat {NAT_GATEWAY_HOUR}, gp3 {GP3_GB_MONTH}", date(2026, 9, 11), _LIST),
            _table(
                f"t3.nano 0.0059, t3.micro 0.0118, t3.small 0.0236, t3.medium 0.0472, "
                f"t3.large {T3_LARGE_ON_DEMAND_HOUR}, t3.xlarge 0.1888, t3.2xlarge 0.3776, "
                "t3a.nano 0.0053, t3a.micro 0.0106, t3a.small 0.0212, "
                "t3a.medium 0.0425, t3a.large 0.085, t3a.xlarge 0.1699, t4g.nano 0.0047, t4g.micro 0.0094, "
                "t4g.small 0.0188",
                _CATALOG_READ,
                _CATALOG,
            ),
            _table(
                f"t3.medium 0.015, t3.large {T3_LARGE_SPOT_HOUR}, t3.2xlarge 0.124, t3a.medium 0.017, "
                "t3a.large 0.032, t3a.xlarge 0.064",
                _CATALOG_READ,
                _CATALOG,
            ),
        ),
        "eu-west-1": Region(
            _table("nat 0.048", date(2026, 9, 4), _LIST),
            _table(
                "t3.small 0.0228, t3.medium 0.0456, t3.large 0.0912, t3.2xlarge 0.3648, t3a.medium 0.0408, "
                "t3a.large 0.0816, t3a.xlarge 0.1632, t4g.nano 0.0046, t4g.small 0.0184",
                _CATALOG_READ,
                _CATALOG,
            ),
            _table("t3.medium 0.023, t3.large 0.055, t3a.large 0.045, t3a.xlarge 0.077", _CATALOG_READ, _CATALOG),
        ),
        "eu-central-1": Region(
            _table("nat 0.052, gp3 0.0952", date(2026, 9, 4), _LIST),
            _table(
                "t3.small 0.024, t3.medium 0.048, t3.large 0.096, t3.2xlarge 0.384, t3a.medium 0.0432, "
                "t3a.large 0.0864, t3a.xlarge 0.1728, t4g.nano 0.0048, t4g.small 0.0192",
                _CATALOG_READ,
                _CATALOG,
            ),
            _table("t3.medium 0.019, t3.large 0.049, t3a.large 0.041, t3a.xlarge 0.079", _CATALOG_READ, _CATALOG),
        ),
        "us-east-1": Region(
            _table("nat 0.045, gp3 0.08", date(2026, 9, 21), _LIST),
            _table(
                "t3.nano 0.0052, t3.micro 0.0104, t3.small 0.0208, t3.medium 0.0416, t3.large 0.0832, "
                "t3.xlarge 0.1664, t3.2xlarge 0.3328, t3a.nano 0.0047, t3a.micro 0.0094, t3a.small 0.0188, "
                "t3a.medium 0.0376, t3a.large 0.0752, t3a.xlarge 0.1504, t3a.2xlarge 0.3008, t4g.nano 0.0042, "
                "t4g.micro 0.0084, t4g.small 0.0168, t4g.medium 0.0336, t4g.large 0.0672, t4g.xlarge 0.1344, "
                "t4g.2xlarge 0.2688, m5.large 0.096, m5.xlarge 0.192, m5.2xlarge 0.384, m6i.large 0.096, "
                "m6i.xlarge 0.192, m6i.2xlarge 0.384, m7g.large 0.0816, m7g.xlarge 0.1632, m7i.large 0.1008, "
                "m7i.xlarge 0.2016, c7g.large 0.0725, r7g.large 0.1071",
                date(2026, 1, 19),
                _KARPENTER,
            ),
            _table("t3.medium 0.019, t3.large 0.044, t3a.large 0.033", _CATALOG_READ, _CATALOG),
        ),
    }
)
"""Region → its prices."""
