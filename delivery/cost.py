"""What resources cost an hour, from a table of prices; what is not in it is unknown, and never zero.

Traffic, load balancers and whatever else is billed by use are not counted, and every sum says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from infra.contract import prices, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from pydantic import JsonValue

    from infra.contract.prices import Region

NOT_COUNTED = "traffic, load balancers, logs and other storage"

FREE = frozenset(
    {
        *("aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/routeTable:RouteTable", "aws:ec2/route:Route"),
        *("aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ec2/internetGateway:InternetGateway"),
        *("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:ec2/securityGroup:SecurityGroup"),
        *("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:ec2/launchTemplate:LaunchTemplate"),
        *("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",),
        *("aws:iam/role:Role", "aws:iam/policy:Policy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"),
        *("aws:iam/instanceProfile:InstanceProfile", "aws:iam/openIdConnectProvider:OpenIdConnectProvider"),
        *("aws:eks/accessEntry:AccessEntry", "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"),
        *("aws:eks/addon:Addon", "aws:eks/podIdentityAssociation:PodIdentityAssociation"),
        *("aws:kms/alias:Alias", "aws:budgets/budget:Budget", "aws:ecr/lifecyclePolicy:LifecyclePolicy"),
        *("aws:s3/bucketPolicy:BucketPolicy", "aws:s3/bucketVersioning:BucketVersioning"),
        *("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",),
        *("aws:s3/bucketOwnershipControls:BucketOwnershipControls",),
        *("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",),
        *("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",),
    }
)
"""Types that cost nothing (the pricing pages of VPC, IAM, EKS, KMS, AWS Budgets, S3; October 2026)."""

BY_USE = frozenset({"aws:s3/bucket:Bucket", "aws:ecr/repository:Repository", "aws:cloudwatch/logGroup:LogGroup"})
"""Types that cost by what is stored in them and sent, which nobody knows beforehand."""


@dataclass(frozen=True)
class Priced:
    """A resource, and what its price is looked up by."""

    type: str
    name: str
    inputs: Mapping[str, JsonValue]
    template: Mapping[str, JsonValue] | None = None
    """The inputs of its launch template."""


@dataclass(frozen=True)
class Cost:
    """What a resource costs."""

    label: str
    hour: float | None
    """US dollars; None: unknown."""
    basis: str
    """What the price is of; of an unknown one, what is missing."""


@dataclass(frozen=True)
class Sum:
    """What resources cost together."""

    costs: tuple[Cost, ...] = ()
    """Of those that cost something, or whose price is unknown."""

    @property
    def hour(self) -> float:
        """US dollars an hour, of what is known."""
        return math.fsum(cost.hour or 0.0 for cost in self.costs)

    @property
    def unknown(self) -> tuple[Cost, ...]:
        """Those whose price is unknown."""
        return tuple(cost for cost in self.costs if cost.hour is None)

    @property
    def text(self) -> str:
        """`0.23`, or `0.23 + 2 unknown`."""
        return f"{self.hour:.2f}" + (f" + {len(self.unknown)} unknown" if self.unknown else "")

    def month(self, hours: float) -> str:
        """The sum for a month in which it is up for some hours."""
        return f"{self.hour * hours:.0f}" + (f" + {len(self.unknown)} unknown" if self.unknown else "")


def total(resources: Iterable[Priced], region: str, today: date) -> Sum:
    """What resources cost in a region: each one that is not free.

    Args:
        resources: of a stack.
        region: where they are.
        today: on which day, which decides between standard and extended support.
    """
    found = (_cost(each, region, today) for each in resources)
    # The engine's order differs from run to run.
    return Sum(tuple(sorted((cost for cost in found if cost is not None), key=lambda cost: cost.label)))


def _cost(each: Priced, region: str, today: date) -> Cost | None:
    if each.type in FREE | BY_USE or (each.type == "aws:ec2/vpcEndpoint:VpcEndpoint" and _is_gateway(each.inputs)):
        return None
    label = f"{each.type.rpartition(':')[2]} {each.name}"
    table = prices.REGIONS.get(region)
    match each.type:
        case "aws:eks/cluster:Cluster":
            return Cost(label, *_cluster(each.inputs, today))
        case "aws:ec2/eip:Eip":
            return Cost(label, prices.PUBLIC_IPV4_HOUR, "a public IPv4 address")
        case "aws:kms/key:Key":
            return Cost(label, prices.KMS_KEY_MONTH / prices.HOURS_A_MONTH, "a customer managed key")
        case _ if table is None:
            return Cost(label, None, f"no prices of {region}")
        case "aws:ec2/natGateway:NatGateway":
            return _summed(label, [(1, "a NAT gateway", table.services.prices.get("nat"))])
        case "aws:eks/nodeGroup:NodeGroup":
            return _node_group(label, each, table)
        case "aws:ec2/instance:Instance":
            kind = str(each.inputs.get("instanceType") or (each.template or {}).get("instanceType"))
            return _machines(label, table, 1, kind, "on demand", _disks(each.template))
        case _:
            return Cost(label, None, f"no price of {each.type}")


def _cluster(inputs: Mapping[str, JsonValue], today: date) -> tuple[float | None, str]:
    """By its support: a version that left standard support costs more, unless the policy is to upgrade it then."""
    policy = inputs.get("upgradePolicy")
    is_upgraded = isinstance(policy, dict) and policy.get("supportType") == "STANDARD"
    version = str(inputs.get("version"))
    known = versions.KUBERNETES.get(version)
    if is_upgraded or (known and today <= known.standard_support_until):
        return prices.EKS_CLUSTER_HOUR, f"Kubernetes {version} in standard support"
    if known is None:
        return None, f"whether Kubernetes {version} is in standard support"
    return prices.EKS_CLUSTER_EXTENDED_SUPPORT_HOUR, f"Kubernetes {version} in extended support"


def _node_group(label: str, each: Priced, table: Region) -> Cost:
    scaling, types = each.inputs.get("scalingConfig"), each.inputs.get("instanceTypes")
    count = scaling.get("desiredSize") if isinstance(scaling, dict) else None
    if not isinstance(count, int | float):
        return Cost(label, None, "how many nodes there are")
    kinds = [str(kind) for kind in cast("list[JsonValue]", types)] if isinstance(types, list) and types else []
    kind = kinds[0] if kinds else str((each.template or {}).get("instanceType"))
    market = "spot" if each.inputs.get("capacityType") == "SPOT" else "on demand"
    return _machines(label, table, int(count), kind, market, _disks(each.template), of=len(kinds))


Part = tuple[float, str, "float | None"]
"""How many, of what, and the price of one an hour."""


def _machines(
    label: str, table: Region, count: int, kind: str, market: str, disks: list[int | None], of: int = 1
) -> Cost:
    first = f", the first of {of} types" if of > 1 else ""
    listed = table.spot if market == "spot" else table.on_demand
    parts: list[Part] = [(count, f"{kind} {market}{first}", listed.prices.get(kind))]
    gp3 = table.services.prices.get("gp3")
    for size in disks:
        price = None if size is None or gp3 is None else size * gp3 / prices.HOURS_A_MONTH
        parts.append((count, f"{'?' if size is None else size} GiB gp3", price))
    return _summed(label, parts)


def _summed(label: str, parts: list[Part]) -> Cost:
    """The sum of parts; one unknown part makes it unknown."""
    missing = [what for _, what, price in parts if price is None]
    if missing and any(count for count, _, _ in parts):
        return Cost(label, None, f"no price of {' and '.join(missing)}")
    basis = " + ".join(f"{count:g} x {what}" if count != 1 else what for count, what, _ in parts)
    return Cost(label, sum(count * (price or 0.0) for count, _, price in parts), basis)


def _disks(template: Mapping[str, JsonValue] | None) -> list[int | None]:
    """The size of each volume in GiB; None where it is not a gp3 of a known size. Unknown without a template."""
    mappings = (template or {}).get("blockDeviceMappings")
    if not isinstance(mappings, list):
        return [None]
    return [_size(mapping) for mapping in cast("list[JsonValue]", mappings)]


def _size(mapping: JsonValue) -> int | None:
    ebs = mapping.get("ebs") if isinstance(mapping, dict) else None
    size = ebs.get("volumeSize") if isinstance(ebs, dict) and ebs.get("volumeType") == "gp3" else None
    return int(size) if isinstance(size, int | float) else None


def _is_gateway(inputs: Mapping[str, JsonValue]) -> bool:
    return inputs.get("vpcEndpointType", "Gateway") == "Gateway"
