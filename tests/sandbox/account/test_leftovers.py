"""What is made to be left or to be spared is there, tagged as its makers tag it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.account import census, leftovers, strangers
from sandbox.account.leftovers import Maker, Place
from tests.sandbox.account.aws import Aws, tags, unique

if TYPE_CHECKING:
    from sandbox.account import process

MINIMUM = 30
"""How many foreign things a night must leave alone, at least, of each place."""


@pytest.fixture
def place(aws: Aws) -> Place:
    network = aws.network("a", "b")
    return Place(unique("night")[:14], network.vpc, network.subnets, f"{aws.region}a")


def ids(made: dict[str, list[str]]) -> list[str]:
    return [each for group in made.values() for each in group]


def everywhere(account: process.Account) -> dict[str, set[str]]:
    """Kind → ids, in all regions in which strangers are made."""
    found: dict[str, set[str]] = {}
    for region in {account.region, *strangers.REGIONS}:
        for kind, there in census.take(account.endpoint, region).items():
            found.setdefault(kind, set()).update(there)
    return found


def test_strangers_of_every_kind_are_made_and_nothing_is_said_that_is_not_there(
    account: process.Account, place: Place
) -> None:
    before = everywhere(account)
    made = strangers.make(Maker(account, place.cluster), place)
    after = everywhere(account)

    assert min(len(ids(made.blocking)), len(ids(made.harmless))) >= MINIMUM
    assert len({*ids(made.blocking), *ids(made.harmless)}) == len(ids(made.blocking)) + len(ids(made.harmless))
    for part in (made.blocking, made.harmless):
        for kind, each in part.items():
            assert set(each) <= after[kind] - before[kind], kind


def test_what_blocks_stands_in_the_cluster_s_vpc_and_the_rest_does_not(
    account: process.Account, aws: Aws, place: Place
) -> None:
    made = strangers.make(Maker(account, place.cluster), place)

    def vpcs(operation: str, key: str, identity: str, kind: str, found: dict[str, list[str]]) -> set[str]:
        listed: list[dict[str, Any]] = getattr(aws.ec2, operation)()[key]
        return {each["VpcId"] for each in listed if each[identity] in found[kind]}

    for operation, key, identity, kind in (
        ("describe_security_groups", "SecurityGroups", "GroupId", "security group"),
        ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", "network interface"),
        ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "VPC endpoint"),
        ("describe_nat_gateways", "NatGateways", "NatGatewayId", "NAT gateway"),
        ("describe_subnets", "Subnets", "SubnetId", "subnet"),
    ):
        assert vpcs(operation, key, identity, kind, made.blocking) == {place.vpc}
        assert place.vpc not in vpcs(operation, key, identity, kind, made.harmless)


def test_next_door_all_tags_are_the_cluster_s(account: process.Account, aws: Aws, place: Place) -> None:
    """So that whoever goes by tags alone deletes them."""
    made = strangers.next_door(Maker(account, place.cluster), place)
    (group,) = aws.ec2.describe_security_groups(GroupIds=made["security group"][:1])["SecurityGroups"]
    assert tags(group)[f"kubernetes.io/cluster/{place.cluster}"] == "owned"
    assert tags(group)["elbv2.k8s.aws/cluster"] == place.cluster
    told = aws.client("elbv2").describe_tags(ResourceArns=made["load balancer"] + made["target group"])
    assert len(told["TagDescriptions"]) == 4
    assert all(tags(each)["elbv2.k8s.aws/cluster"] == place.cluster for each in told["TagDescriptions"])


def test_a_region_of_its_own_has_what_a_cluster_of_the_same_name_left(account: process.Account, place: Place) -> None:
    made = strangers.abroad(Maker(account, place.cluster), place.cluster)
    here = census.take(account.endpoint, account.region)
    regional = {kind: each for kind, each in made.items() if kind not in ("instance profile", "log group")}
    assert len(regional) >= 9
    assert [kind for kind, each in regional.items() if set(each) & set(here[kind])] == []


def test_karpenter_s_leftovers_carry_its_names_and_tags(account: process.Account, aws: Aws, place: Place) -> None:
    role = aws.role("ec2.amazonaws.com").rpartition("/")[2]
    left = leftovers.leave(Maker(account, place.cluster), place, node_role=role)
    owned = {f"kubernetes.io/cluster/{place.cluster}": "owned"}

    (template,) = aws.ec2.describe_launch_templates(LaunchTemplateIds=left["launch template"])["LaunchTemplates"]
    assert template["LaunchTemplateName"].startswith("karpenter.k8s.aws/")
    assert (
        tags(template).items()
        >= {
            **owned,
            "eks:eks-cluster-name": place.cluster,
            "karpenter.k8s.aws/cluster": place.cluster,
            "karpenter.k8s.aws/ec2nodeclass": "default",
            "karpenter.sh/nodepool": "default",
        }.items()
    )
    (address,) = aws.ec2.describe_addresses(AllocationIds=left["address"])["Addresses"]
    assert tags(address) == owned
    prefix = f"/karpenter/{aws.region}/{place.cluster}/"
    (profile,) = aws.iam.list_instance_profiles(PathPrefix=prefix)["InstanceProfiles"]
    assert [profile["Arn"]] == left["instance profile"]
    assert profile["InstanceProfileName"].startswith(f"{place.cluster}_")
    assert [each["RoleName"] for each in profile["Roles"]] == [role]
    told = aws.iam.list_instance_profile_tags(InstanceProfileName=profile["InstanceProfileName"])
    assert tags(told).items() >= {**owned, "topology.kubernetes.io/region": aws.region}.items()


def test_the_rule_on_the_node_group_holds_the_backend_group(account: process.Account, aws: Aws, place: Place) -> None:
    name = f"eks-cluster-sg-{place.cluster}-1"
    group = aws.ec2.create_security_group(GroupName=name, Description="-", VpcId=place.vpc)["GroupId"]
    maker = Maker(account, place.cluster)
    assert leftovers.node_group_of(maker, place) == group
    backend = leftovers.leave(maker, place, node_group=group)["security group"][0]
    (told,) = aws.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    (pair,) = told["IpPermissions"][0]["UserIdGroupPairs"]
    assert (pair["GroupId"], pair["Description"]) == (backend, leftovers.SHARED_RULE)


def test_only_on_demand_are_there_strangers(account: process.Account, aws: Aws) -> None:
    cluster = unique("alone")[:14]
    before = aws.census()
    made = strangers.everything(account, cluster, 0, 1)
    assert (made.blocking, made.kept) == ({}, {})
    after = aws.census()
    more = {kind: len(set(after[kind]) - set(before[kind])) for kind in made.doomed}
    more["network interface"] -= 5  # those of the load balancers: two in two subnets, and one in one
    more["security group"] -= 1  # the default one of the VPC that was made
    assert more == {kind: len(each) for kind, each in made.doomed.items()}

    with_them = strangers.everything(account, unique("not")[:14], 0, 1, with_strangers=True)
    assert with_them.blocking
    assert with_them.kept
    assert f"blocks the VPC, subnet: {len(with_them.blocking['subnet'])}" in with_them.lines()
