"""What Kubernetes' controllers leave in an account, with the tags that they put on it, and what is next to it.

Sources: AWS Load Balancer Controller, pkg/deploy/tracking/provider.go and pkg/networking/networking_manager.go;
cloud-provider-aws, pkg/providers/v1/tags.go; Amazon VPC CNI, pkg/awsutils/awsutils.go; Amazon EBS CSI driver,
docs/tagging.md; Karpenter, pkg/providers/launchtemplate/launchtemplate.go, pkg/providers/instanceprofile/
instanceprofile.go and pkg/apis/v1/ec2nodeclass.go; EKS user guide, control plane logs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.account.clients import own_client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.account.process import Account


REFERENCES = 20
"""A security group takes 60 rules (Amazon VPC quotas)."""

SHARED_RULE = "elbv2.k8s.aws/targetGroupBinding=shared"
"""How the load balancer controller describes the rules that it writes onto the groups of clusters and nodes."""


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
    blocking: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """In the cluster's VPC, but not the cluster's: the VPC cannot be deleted while it is there."""
    kept: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Not the cluster's, and in no one's way."""

    def lines(self) -> list[str]:
        """A line for each kind."""
        sorts = (("", self.doomed), ("blocks the VPC, ", self.blocking), ("not to be touched, ", self.kept))
        return [f"{sort}{kind}: {len(ids)}" for sort, made in sorts for kind, ids in made.items()]


class Maker:
    """Makes what controllers make."""

    def __init__(self, account: Account, seed: int | str, region: str = "") -> None:
        """Of a seed: the same seed chooses the same. In the account's own region, unless another is named."""
        self.account, self.seed = account, seed
        self.chance = random.Random(seed)  # noqa: S311  # no secret, but the same again
        self.region = region or account.region

        def of(service: str) -> Any:
            return own_client(service, endpoint=account.endpoint, region=self.region)

        self.ec2, self.elbv2, self.elb, self.logs = of("ec2"), of("elbv2"), of("elb"), of("logs")
        self.iam = of("iam")
        self.number = 0

    def unique(self, prefix: str) -> str:
        """A name that nothing has."""
        self.number += 1
        return f"{prefix}-{self.chance.getrandbits(32):08x}{self.number:x}"[:32]

    def group(self, place: Place, name: str, tags: Mapping[str, str]) -> str:
        """A security group."""
        made = self.ec2.create_security_group(
            GroupName=name, Description="made by a controller", VpcId=place.vpc, **specified("security-group", tags)
        )
        return made["GroupId"]

    def refer(self, group: str, other: str, description: str = "") -> None:
        """A rule by which one group names another."""
        pair = {"GroupId": other, **({"Description": description} if description else {})}
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [pair]}
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
        made = self.ec2.create_network_interface(
            SubnetId=place.subnets[0],
            Description=description,
            Groups=list(groups),
            **specified("network-interface", tags),
        )
        return made["NetworkInterface"]["NetworkInterfaceId"]

    def volume(self, place: Place, tags: Mapping[str, str]) -> str:
        """A volume, free."""
        size = self.chance.choice([1, 8, 20])
        return self.ec2.create_volume(Size=size, AvailabilityZone=place.zone, **specified("volume", tags))["VolumeId"]

    def snapshot(self, volume: str, tags: Mapping[str, str]) -> str:
        """A snapshot of a volume."""
        return self.ec2.create_snapshot(VolumeId=volume, **specified("snapshot", tags))["SnapshotId"]

    def address(self, tags: Mapping[str, str]) -> str:
        """An Elastic IP address: its allocation."""
        return self.ec2.allocate_address(Domain="vpc", **specified("elastic-ip", tags))["AllocationId"]

    def launch_template(self, name: str, tags: Mapping[str, str]) -> str:
        """A launch template."""
        made = self.ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={"InstanceType": "m7g.large"},
            **specified("launch-template", tags),
        )
        return made["LaunchTemplate"]["LaunchTemplateId"]

    def instance_profile(self, name: str, path: str, tags: Mapping[str, str], role: str = "") -> str:
        """An instance profile: its ARN."""
        made = self.iam.create_instance_profile(InstanceProfileName=name, Path=path, **_tagged(tags))
        if role:
            self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        return made["InstanceProfile"]["Arn"]

    def log_group(self, name: str) -> str:
        """A log group."""
        self.logs.create_log_group(logGroupName=name)
        return name

    def place(self, cluster: str, name: str = "") -> Place:
        """A VPC with two subnets, for a cluster."""
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16", **specified("vpc", {"Name": name or cluster}))["Vpc"][
            "VpcId"
        ]
        zones = (f"{self.region}a", f"{self.region}b")
        made = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=zone)
            for number, zone in enumerate(zones)
        ]
        return Place(cluster, vpc, tuple(each["Subnet"]["SubnetId"] for each in made), zones[0])


def leave(
    maker: Maker, place: Place, count: int = 1, *, node_group: str = "", node_role: str = ""
) -> dict[str, list[str]]:
    """Make what the controllers of a cluster leave.

    Args:
        maker: makes it.
        place: the cluster, and where it is.
        count: how often; one backend group is for all.
        node_group: the security group of the cluster or its nodes, which gets the load balancer controller's rule.
        node_role: the role of the instance profile that Karpenter left.

    Returns:
        Kind → ids.
    """
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
    if node_group:
        maker.refer(node_group, backend, SHARED_RULE)
    for kind, ids in _more(maker, cluster, node_role).items():
        note(kind, *ids)
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


def karpenter(cluster: str, **more: str) -> dict[str, str]:
    """The tags of what Karpenter makes for a cluster."""
    return {f"kubernetes.io/cluster/{cluster}": "owned", "eks:eks-cluster-name": cluster, **NODES, **more}


NODES = {"karpenter.k8s.aws/ec2nodeclass": "default"}


def karpenter_profile(maker: Maker, cluster: str, role: str = "") -> str:
    """An instance profile, named, placed and tagged as Karpenter's: its ARN."""
    name = f"{cluster}_{maker.chance.getrandbits(64)}"
    path = f"/karpenter/{maker.region}/{cluster}/{maker.chance.getrandbits(64):016x}/"
    return maker.instance_profile(
        name, path, {**karpenter(cluster), "topology.kubernetes.io/region": maker.region}, role
    )


def karpenter_template(maker: Maker, cluster: str) -> str:
    """A launch template, named and tagged as Karpenter's."""
    tags = karpenter(cluster, **{"karpenter.sh/nodepool": "default", "karpenter.k8s.aws/cluster": cluster})
    return maker.launch_template(f"karpenter.k8s.aws/{maker.chance.getrandbits(64)}", tags)


def _more(maker: Maker, cluster: str, node_role: str) -> dict[str, list[str]]:
    return {
        "launch template": [karpenter_template(maker, cluster)],
        "address": [maker.address({f"kubernetes.io/cluster/{cluster}": "owned"})],
        "instance profile": [karpenter_profile(maker, cluster, node_role)],
    }


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


def place_of(maker: Maker, cluster: str) -> Place:
    """The VPC that has the cluster's name; without any, one is made."""
    named = [{"Name": "tag:Name", "Values": [cluster]}]
    vpcs = maker.ec2.describe_vpcs(Filters=named)["Vpcs"]
    if not vpcs:
        return maker.place(cluster)
    vpc = vpcs[0]["VpcId"]
    subnets = maker.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    zones = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in subnets}
    return Place(cluster, vpc, tuple(zones.values()), next(iter(zones)))


def node_group_of(maker: Maker, place: Place) -> str:
    """The security group that EKS made for the cluster; empty if there is none."""
    filters = [
        {"Name": "vpc-id", "Values": [place.vpc]},
        {"Name": "group-name", "Values": [f"eks-cluster-sg-{place.cluster}-*"]},
    ]
    found = maker.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    return found[0]["GroupId"] if found else ""


def specified(kind: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """The tags of one new resource of EC2, as requests take them."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": _pairs(tags)}]} if tags else {}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _tagged(tags: Mapping[str, str]) -> dict[str, Any]:
    return {"Tags": _pairs(tags)} if tags else {}
