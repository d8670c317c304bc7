"""What Kubernetes' controllers leave in an account, with the tags that they put on it, and what lies beside it.

Sources: AWS Load Balancer Controller, pkg/deploy/tracking/provider.go; cloud-provider-aws, pkg/providers/v1/tags.go;
Amazon VPC CNI, pkg/awsutils/awsutils.go; Amazon EBS CSI driver, docs/tagging.md; EKS user guide, control plane logs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.account.clients import client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.account.process import Account


REFERENCES = 20
"""A security group takes 60 rules (Amazon VPC quotas)."""


@dataclass(frozen=True)
class Place:
    """Where a cluster's things lie."""

    cluster: str
    vpc: str
    subnets: Sequence[str]
    zone: str


@dataclass
class Made:
    """Kind → ids."""

    doomed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The cluster's."""
    kept: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Shared, another cluster's, nobody's, or in another VPC."""

    def lines(self) -> list[str]:
        """A line for each kind."""
        lines = [f"{kind}: {len(ids)}" for kind, ids in self.doomed.items()]
        return [*lines, *(f"not to be touched, {kind}: {len(ids)}" for kind, ids in self.kept.items())]


class Maker:
    """Makes what controllers make."""

    def __init__(self, account: Account, seed: int | str) -> None:
        """Of a seed: the same seed chooses the same."""
        self.chance = random.Random(seed)  # noqa: S311  # no secret, but the same again
        self.region = account.region

        def of(service: str) -> Any:
            return client(service, endpoint=account.endpoint, region=account.region)

        self.ec2, self.elbv2, self.elb, self.logs = of("ec2"), of("elbv2"), of("elb"), of("logs")
        self.number = 0

    def unique(self, prefix: str) -> str:
        """A name that nothing has."""
        self.number += 1
        return f"{prefix}-{self.chance.getrandbits(32):08x}{self.number:x}"[:32]

    def group(self, place: Place, name: str, tags: Mapping[str, str]) -> str:
        """A security group."""
        kind = {"ResourceType": "security-group", "Tags": _pairs(tags)}
        made = self.ec2.create_security_group(
            GroupName=name,
            Description="made by a controller",
            VpcId=place.vpc,
            **({"TagSpecifications": [kind]} if tags else {}),
        )
        return made["GroupId"]

    def refer(self, group: str, other: str) -> None:
        """A rule by which one group names another."""
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": other}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    def balancer(self, place: Place, kind: str, tags: Mapping[str, str], groups: Sequence[str] = ()) -> tuple[str, str]:
        """A load balancer with a listener and a target group: their ARNs."""
        name = self.unique("k8s-app")
        settings = {"SecurityGroups": list(groups)} if groups else {}
        balancer = self.elbv2.create_load_balancer(
            Name=name, Type=kind, Subnets=list(place.subnets), **_tagged(tags), **settings
        )["LoadBalancers"][0]["LoadBalancerArn"]
        protocol = "HTTP" if kind == "application" else "TCP"
        group = self.elbv2.create_target_group(
            Name=self.unique("k8s-app"), Protocol=protocol, Port=80, VpcId=place.vpc, **_tagged(tags)
        )["TargetGroups"][0]["TargetGroupArn"]
        forward = [{"Type": "forward", "TargetGroupArn": group}]
        self.elbv2.create_listener(LoadBalancerArn=balancer, Protocol=protocol, Port=80, DefaultActions=forward)
        return balancer, group

    def classic(self, place: Place, tags: Mapping[str, str], groups: Sequence[str]) -> str:
        """A classic load balancer: its name."""
        name = self.unique("a")
        listener = {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 30080}
        self.elb.create_load_balancer(
            LoadBalancerName=name,
            Listeners=[listener],
            Subnets=list(place.subnets[:1]),
            SecurityGroups=list(groups),
            **_tagged(tags),
        )
        return name

    def interface(self, place: Place, description: str, tags: Mapping[str, str], groups: Sequence[str]) -> str:
        """A network interface that nothing is attached to."""
        kind = {"ResourceType": "network-interface", "Tags": _pairs(tags)}
        settings = {"TagSpecifications": [kind]} if tags else {}
        made = self.ec2.create_network_interface(
            SubnetId=place.subnets[0], Description=description, Groups=list(groups), **settings
        )
        return made["NetworkInterface"]["NetworkInterfaceId"]

    def volume(self, place: Place, tags: Mapping[str, str]) -> str:
        """A volume, free."""
        kind = {"ResourceType": "volume", "Tags": _pairs(tags)}
        size = self.chance.choice([1, 8, 20])
        return self.ec2.create_volume(Size=size, AvailabilityZone=place.zone, TagSpecifications=[kind])["VolumeId"]

    def snapshot(self, volume: str, tags: Mapping[str, str]) -> str:
        """A snapshot of a volume."""
        kind = {"ResourceType": "snapshot", "Tags": _pairs(tags)}
        return self.ec2.create_snapshot(VolumeId=volume, TagSpecifications=[kind])["SnapshotId"]

    def log_group(self, name: str) -> str:
        """A log group."""
        self.logs.create_log_group(logGroupName=name)
        return name


def leave(maker: Maker, place: Place, count: int = 1) -> dict[str, list[str]]:
    """What the controllers of a cluster leave: kind → ids. `count` times, with one backend group for all."""
    cluster = place.cluster
    controller, owned = {"elbv2.k8s.aws/cluster": cluster}, {f"kubernetes.io/cluster/{cluster}": "owned"}
    left: dict[str, list[str]] = {}

    def note(kind: str, *ids: str) -> None:
        left.setdefault(kind, []).extend(ids)

    backend = maker.group(
        place,
        f"k8s-traffic-{cluster}-{maker.chance.getrandbits(40):010x}",
        {**controller, "elbv2.k8s.aws/resource": "backend-sg"},
    )
    note("security group", backend)
    for number in range(count):
        for kind, sort in (("application", "ingress"), ("network", "service")):
            tags = {
                **controller,
                f"{sort}.k8s.aws/stack": f"shop/app-{number}",
                f"{sort}.k8s.aws/resource": "LoadBalancer",
            }
            front = maker.group(
                place, maker.unique(f"k8s-shop-{number}"), {**controller, f"{sort}.k8s.aws/stack": f"shop/app-{number}"}
            )
            if number < REFERENCES:
                maker.refer(backend, front)
            maker.refer(front, backend)
            balancer, target = maker.balancer(place, kind, tags, [front, backend])
            note("load balancer", balancer)
            note("target group", target)
            note("security group", front)
        service = {**owned, "kubernetes.io/service-name": f"shop/old-{number}"}
        group = maker.group(place, f"k8s-elb-{maker.chance.getrandbits(64):032x}", owned)
        note("classic load balancer", maker.classic(place, service, [group]))
        note("security group", group)
        instance = f"i-{maker.chance.getrandbits(64):017x}"
        cni = {
            "node.k8s.amazonaws.com/instance_id": instance,
            "cluster.k8s.amazonaws.com/name": cluster,
            "eks:eni:owner": "amazon-vpc-cni",
        }
        note("network interface", maker.interface(place, f"aws-K8S-{instance}", cni, [group]))
        disk = {
            "ebs.csi.aws.com/cluster": "true",
            "ebs.csi.aws.com/cluster-name": cluster,
            **owned,
            "kubernetes.io/created-for/pvc/name": f"data-{number}",
        }
        volume = maker.volume(place, disk)
        note("volume", volume)
        note("snapshot", maker.snapshot(volume, disk))
    note(
        "log group",
        maker.log_group(f"/aws/eks/{cluster}/pods-{maker.number}"),
        maker.log_group(f"/aws/containerinsights/{cluster}/performance-{maker.number}"),
    )
    return left


def beside(maker: Maker, place: Place) -> dict[str, list[str]]:
    """What lies in a cluster's VPC or is named almost like it, and must never be touched: kind → ids."""
    name = place.cluster
    group = maker.group(place, maker.unique("people"), {})
    other = {"elbv2.k8s.aws/cluster": f"{name}-2"}
    kept: dict[str, list[str]] = {
        "security group": [
            group,
            maker.group(place, maker.unique("shared"), {f"kubernetes.io/cluster/{name}": "shared"}),
            maker.group(place, maker.unique("other"), other),
            maker.group(place, f"k8s-traffic-{name}-2-{maker.chance.getrandbits(40):010x}", {}),
        ],
        "network interface": [
            maker.interface(place, "a person's", {}, [group]),
            maker.interface(
                place, "aws-K8S-i-0123456789abcdef0", {"cluster.k8s.amazonaws.com/name": f"{name}-2"}, [group]
            ),
        ],
        "volume": [
            maker.volume(place, {"ebs.csi.aws.com/cluster": "true"}),
            maker.volume(
                place, {"ebs.csi.aws.com/cluster-name": f"{name}-2", f"kubernetes.io/cluster/{name}-2": "owned"}
            ),
            maker.volume(place, {"Name": "a person's"}),
        ],
        "log group": [
            maker.log_group(f"/aws/eks/{name}-2/pods-{maker.number}"),
            maker.log_group(f"/people/{name}-{maker.number}"),
        ],
    }
    balancer, target = maker.balancer(place, "network", other)
    return {**kept, "load balancer": [balancer], "target group": [target]}


def everything(account: Account, cluster: str, seed: int, count: int) -> Made:
    """What is left of a cluster, of one named almost like it in a VPC of its own, and what lies beside.

    The cluster's VPC is the one with its name; without any, one is made.
    """
    maker = Maker(account, f"{seed} {cluster}")
    place = _place(maker, cluster)
    made = Made(leave(maker, place, count), beside(maker, place))
    for kind, ids in leave(maker, _place(maker, f"{cluster}-2"), count).items():
        made.kept.setdefault(kind, []).extend(ids)
    return made


def _place(maker: Maker, cluster: str) -> Place:
    named = [{"Name": "tag:Name", "Values": [cluster]}]
    vpcs = maker.ec2.describe_vpcs(Filters=named)["Vpcs"]
    if vpcs:
        vpc = vpcs[0]["VpcId"]
        subnets = maker.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
        zones = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in subnets}
    else:
        tags = [{"ResourceType": "vpc", "Tags": _pairs({"Name": cluster})}]
        vpc = maker.ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
        zones: dict[str, str] = {}
        for number, zone in enumerate((f"{maker.region}a", f"{maker.region}b")):
            subnet = maker.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=zone)
            zones[zone] = subnet["Subnet"]["SubnetId"]
    return Place(cluster, vpc, tuple(zones.values()), next(iter(zones)))


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _tagged(tags: Mapping[str, str]) -> dict[str, Any]:
    return {"Tags": _pairs(tags)} if tags else {}
