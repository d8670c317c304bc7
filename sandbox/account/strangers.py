"""What is not a cluster's, however much it looks like it: nobody but its owner may touch it.

Sources of the tags: those of `leftovers`; Karpenter, "Getting Started" (`karpenter.sh/discovery` is put by people onto
what Karpenter may use); Amazon VPC CNI, README (`node.k8s.amazonaws.com/no_manage`); GuardDuty user guide, "Runtime
Monitoring" (its endpoint and security group have the tag `GuardDutyManaged`).
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.contract import names
from sandbox.account import leftovers
from sandbox.account.leftovers import Made, Maker, specified

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.account.leftovers import Place
    from sandbox.account.process import Account

Ids = dict[str, list[str]]
"""Kind, as in `census`, → ids."""

REGIONS = ("eu-west-1", "eu-central-1")
GUARD_DUTY = {"GuardDutyManaged": "true"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclass(frozen=True)
class Strangers:
    """All that was made."""

    blocking: Ids
    """In the cluster's VPC, which cannot be deleted while it is there."""
    harmless: Ids
    """In another VPC, in none, or in another region."""


def make(maker: Maker, place: Place) -> Strangers:
    """Make strangers of every kind, everywhere."""
    return Strangers(inside(maker, place), outside(maker, place))


def outside(maker: Maker, place: Place) -> Ids:
    """Make those outside the cluster's VPC: a teardown can be clean while they exist."""
    return _joined(next_door(maker, place), unbound(maker, place), abroad(maker, place.cluster))


def lookalikes(cluster: str) -> dict[str, dict[str, str]]:
    """Tags that name the cluster or nearly so, and yet do not say that it made the thing: why → tags."""
    key = f"kubernetes.io/cluster/{cluster}"
    return {
        "discovered": {"karpenter.sh/discovery": cluster},
        "shared": {key: "shared"},
        "another": {f"{key}-2": "owned", "eks:eks-cluster-name": f"{cluster}-2"},
        "capital": {f"kubernetes.io/cluster/{cluster.capitalize()}": "owned"},
        "two": {key: "owned", f"{key}-2": "owned"},
        "person": {"Name": f"{cluster} of a person"},
        "bare": {},
    }


def exact(cluster: str) -> dict[str, str]:
    """All the tags by which controllers, and the stack itself, say that a thing is the cluster's."""
    return {
        f"kubernetes.io/cluster/{cluster}": "owned",
        "elbv2.k8s.aws/cluster": cluster,
        "eks:eks-cluster-name": cluster,
        "project": names.PROJECT,
        "cluster": cluster,
    }


def inside(maker: Maker, place: Place) -> Ids:
    """Make what is in the cluster's VPC and is another's, or nobody's."""
    cluster, tags = place.cluster, lookalikes(place.cluster)
    groups = {why: maker.group(place, maker.unique(why), each) for why, each in tags.items()}
    guard = maker.group(place, maker.unique("guardduty"), GUARD_DUTY)
    person = [groups["bare"]]
    gateway, address = nat_gateway(maker, place, {})
    cni = {"cluster.k8s.amazonaws.com/name": f"{cluster}-2", "eks:eni:owner": "amazon-vpc-cni"}
    service = f"com.amazonaws.{maker.region}.guardduty-data"
    managed = f"com.amazonaws.vpce.{maker.region}.vpce-svc-{maker.chance.getrandbits(64):017x}"
    made: Ids = {
        "security group": [*groups.values(), guard],
        "subnet": [subnet(maker, place, tags["discovered"])],
        "network interface": [
            maker.interface(place, "a person's", {}, person),
            maker.interface(place, "not managed", {"node.k8s.amazonaws.com/no_manage": "true"}, person),
            maker.interface(place, "another's", cni, person),
            *(maker.interface(place, why, tags[why], person) for why in ("discovered", "shared", "capital", "two")),
        ],
        "NAT gateway": [gateway],
        "address": [address],
        "instance": [instance(maker, place, tags[why], person) for why in ("bare", "discovered", "two")],
        "VPC endpoint": [
            endpoint(maker, place, service, GUARD_DUTY, [guard]),
            endpoint(maker, place, managed, {}, person),
            endpoint(maker, place, f"com.amazonaws.{maker.region}.ecr.api", tags["shared"], person),
        ],
    }
    return _joined(made, balancers(maker, place, [tags["another"], tags["shared"], {}], person))


def next_door(maker: Maker, place: Place) -> Ids:
    """Make another VPC, in which things have all the tags of the cluster in the first."""
    cluster = place.cluster
    other = maker.place(cluster, f"next to {cluster}")
    tags = exact(cluster)
    group = maker.group(other, f"k8s-traffic-{cluster}-{maker.chance.getrandbits(40):010x}", tags)
    bare = maker.group(other, f"k8s-elb-{maker.chance.getrandbits(64):032x}", {})
    gateway, address = nat_gateway(maker, other, tags)
    node = f"i-{maker.chance.getrandbits(64):017x}"
    cni = {
        "node.k8s.amazonaws.com/instance_id": node,
        "cluster.k8s.amazonaws.com/name": cluster,
        "eks:eni:owner": "amazon-vpc-cni",
    }
    nodes = {**leftovers.karpenter(cluster), "karpenter.sh/nodepool": "default"}
    made: Ids = {
        "VPC": [other.vpc],
        "subnet": [*other.subnets, subnet(maker, other, tags)],
        "security group": [group, bare],
        "network interface": [
            maker.interface(other, f"aws-K8S-{node}", cni, [group]),
            maker.interface(other, f"aws-K8S-{node}", {}, [bare]),
        ],
        "NAT gateway": [gateway],
        "address": [address],
        "instance": [instance(maker, other, nodes, [group])],
        "VPC endpoint": [endpoint(maker, other, f"com.amazonaws.{maker.region}.ecr.api", tags, [group])],
    }
    return _joined(made, balancers(maker, other, [tags], [group]))


def unbound(maker: Maker, place: Place) -> Ids:
    """Make what is in no VPC and is not the cluster's by its exact tags."""
    cluster, region = place.cluster, maker.region
    tags = lookalikes(cluster)
    unnamed = {**tags, "driver": {"ebs.csi.aws.com/cluster": "true"}}
    volumes = [maker.volume(place, each) for each in unnamed.values()]
    other = next(each for each in REGIONS if each != region)
    log_groups = (
        f"/aws/eks/{cluster}-2/cluster",
        f"/aws/eks/{cluster}-2/pods",
        f"/aws/eks/{cluster.capitalize()}/pods",
        f"/aws/containerinsights/{cluster}-2/performance",
        f"/people/{cluster}",
    )
    return {
        "volume": volumes,
        "snapshot": [maker.snapshot(volume, each) for volume, each in zip(volumes, unnamed.values(), strict=True)],
        "launch template": [
            *(maker.launch_template(maker.unique(why), each) for why, each in tags.items()),
            leftovers.karpenter_template(maker, f"{cluster}-2"),
        ],
        "address": [maker.address(each) for each in tags.values()],
        "log group": [maker.log_group(f"{name}-{maker.number}") for name in log_groups],
        "instance profile": [
            *(profile(maker, why, "/", each) for why, each in tags.items()),
            profile(maker, f"{cluster}-2", f"/karpenter/{region}/{cluster}-2/0/", tags["another"]),
            # IAM has no regions: a cluster of the same name elsewhere has its profiles here.
            profile(
                maker,
                f"{cluster}-{other}",
                f"/karpenter/{other}/{cluster}/0/",
                leftovers.karpenter(cluster, **{"topology.kubernetes.io/region": other}),
            ),
        ],
        "IAM role": [
            role(maker, path, tags["person"])
            for path in (
                names.iam_path(f"{cluster}-2"),
                names.iam_path(cluster.capitalize()),
                f"/people/{cluster}/",
                "/",
            )
        ],
        "OIDC provider": [
            issuer(maker, {"project": names.PROJECT, "cluster": f"{cluster}-2"}),
            issuer(maker, {}),
        ],
    }


def abroad(maker: Maker, cluster: str) -> Ids:
    """Make, in another region, what a cluster of the very same name left there."""
    region = next(each for each in REGIONS if each != maker.region)
    there = Maker(maker.account, f"{maker.seed} {region}", region)
    place = there.place(cluster)
    left = leftovers.leave(there, place)
    return _joined({"VPC": [place.vpc], "subnet": [*place.subnets]}, left)


def subnet(maker: Maker, place: Place, tags: Mapping[str, str]) -> str:
    """A subnet of 16 addresses, where the VPC has room for one."""
    (vpc,) = maker.ec2.describe_vpcs(VpcIds=[place.vpc])["Vpcs"]
    filters = [{"Name": "vpc-id", "Values": [place.vpc]}]
    taken = [ipaddress.ip_network(each["CidrBlock"]) for each in maker.ec2.describe_subnets(Filters=filters)["Subnets"]]
    blocks = ipaddress.ip_network(vpc["CidrBlock"]).subnets(new_prefix=28)
    free = next(block for block in blocks if not any(block.overlaps(each) for each in taken))
    made = maker.ec2.create_subnet(
        VpcId=place.vpc, CidrBlock=str(free), AvailabilityZone=place.zone, **specified("subnet", tags)
    )
    return made["Subnet"]["SubnetId"]


def nat_gateway(maker: Maker, place: Place, tags: Mapping[str, str]) -> tuple[str, str]:
    """A NAT gateway and its address, which has no tags."""
    address = maker.address({})
    made = maker.ec2.create_nat_gateway(
        SubnetId=place.subnets[0], AllocationId=address, **specified("natgateway", tags)
    )
    return made["NatGateway"]["NatGatewayId"], address


def instance(maker: Maker, place: Place, tags: Mapping[str, str], groups: Sequence[str]) -> str:
    """A running instance."""
    image = maker.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = maker.ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        SubnetId=place.subnets[0],
        SecurityGroupIds=list(groups),
        **specified("instance", tags),
    )
    return made["Instances"][0]["InstanceId"]


def endpoint(maker: Maker, place: Place, service: str, tags: Mapping[str, str], groups: Sequence[str]) -> str:
    """An interface endpoint of a service."""
    made = maker.ec2.create_vpc_endpoint(
        VpcId=place.vpc,
        ServiceName=service,
        VpcEndpointType="Interface",
        SubnetIds=list(place.subnets),
        SecurityGroupIds=list(groups),
        **specified("vpc-endpoint", tags),
    )
    return made["VpcEndpoint"]["VpcEndpointId"]


def balancers(maker: Maker, place: Place, tags: Sequence[Mapping[str, str]], groups: Sequence[str]) -> Ids:
    """A load balancer of each type, with its target group, for each of some tags."""
    made: Ids = {"load balancer": [], "target group": [], "classic load balancer": []}
    for each in tags:
        for kind in ("application", "network"):
            balancer, target = maker.balancer(place, kind, each, groups)
            made["load balancer"].append(balancer)
            made["target group"].append(target)
        made["classic load balancer"].append(maker.classic(place, each, groups))
    return made


def profile(maker: Maker, name: str, path: str, tags: Mapping[str, str]) -> str:
    """An instance profile: its ARN."""
    return maker.instance_profile(maker.unique(name), path, tags)


def role(maker: Maker, path: str, tags: Mapping[str, str]) -> str:
    """A role: its ARN."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    made = maker.iam.create_role(
        RoleName=maker.unique("role"), Path=path, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=pairs
    )
    return made["Role"]["Arn"]


def issuer(maker: Maker, tags: Mapping[str, str]) -> str:
    """The identity provider of some cluster's tokens: its ARN."""
    url = f"https://oidc.eks.{maker.region}.amazonaws.com/id/{maker.chance.getrandbits(128):032X}"
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    made = maker.iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[], Tags=pairs
    )
    return made["OpenIDConnectProviderArn"]


def everything(account: Account, cluster: str, seed: int, count: int, *, with_strangers: bool = False) -> Made:
    """Make what is left of a cluster in the VPC that has its name; with strangers also what is not the cluster's."""
    maker = Maker(account, f"{seed} {cluster}")
    place = leftovers.place_of(maker, cluster)
    made = Made(leftovers.leave(maker, place, count, node_group=leftovers.node_group_of(maker, place)))
    if with_strangers:
        found = make(maker, place)
        made.blocking = found.blocking
        # One named almost like it, in a VPC of its own.
        almost = leftovers.leave(maker, leftovers.place_of(maker, f"{cluster}-2"), count)
        made.kept = _joined(found.harmless, almost)
    return made


def _joined(*parts: Ids) -> Ids:
    joined: Ids = {}
    for part in parts:
        for kind, ids in part.items():
            joined.setdefault(kind, []).extend(ids)
    return joined
