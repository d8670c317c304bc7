"""The sweep finds and deletes what controllers left, all of it, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from teardown import kinds, probe, sweep
from teardown.claim import Claim
from tests.teardown.conftest import SHORT, Town, town_in

if TYPE_CHECKING:
    from sandbox.account import process
    from teardown.proof import Proven


def ids(left: dict[str, list[str]]) -> set[str]:
    return {each for group in left.values() for each in group}


def gone(town: Town, before: dict[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Kind → what the census has no more."""
    after = town.clients.census()
    return {kind: set(before[kind]) - set(after[kind]) for kind in before if set(before[kind]) - set(after[kind])}


@pytest.mark.parametrize("seed", range(3))
def test_all_that_controllers_left_goes_and_nothing_else(account: process.Account, aws: Proven, seed: int) -> None:
    """W7: the predecessor's tags were never set, and its filters hit what Terraform owned."""
    town = town_in(account, seed)
    almost = town_in(account, seed, f"{town.place.cluster}-2")
    kept = [town.beside(), almost.leave(), town_in(account, seed).leave()]
    before = town.clients.census()
    doomed = town.leave(2)

    planned = sweep.plan(aws, town.target, ())
    assert {each.id for each in planned.doomed} == ids(doomed)
    assert town.sweep(aws).good

    after = town.clients.census()
    assert {kind: set(found) ^ set(before[kind]) for kind, found in after.items() if found != before[kind]} == {}
    assert sweep.plan(aws, town.target, ()).doomed == []
    assert all(ids(each) for each in kept)


def test_a_plan_changes_nothing(town: Town, aws: Proven) -> None:
    town.leave()
    before = town.clients.census()
    assert sweep.plan(aws, town.target, ()).doomed
    assert town.clients.census() == before


def test_without_the_vpc_things_count_by_their_tags_alone(town: Town, aws: Proven) -> None:
    left = town.leave()
    town.beside()
    named = town.maker.interface(town.place, "aws-K8S-i-00000000000000000", {}, [left["security group"][0]])
    blind = replace(town.target, vpc_id="")
    assert {each.id for each in sweep.plan(aws, blind, ()).doomed} == ids(left)
    assert named in {each.id for each in sweep.plan(aws, town.target, ()).doomed}


def test_what_the_state_lists_is_never_swept(town: Town, aws: Proven) -> None:
    left = town.leave()
    balancer, volume = left["load balancer"][0], left["volume"][0]
    planned = {each.id for each in sweep.plan(aws, town.target, {balancer, volume}).doomed}
    assert planned == ids(left) - {balancer, volume}


def test_what_the_permanent_layer_owns_is_never_swept(town: Town, aws: Proven) -> None:
    """W12: the log group that EKS writes to again outlives the night in the permanent layer."""
    name = town.maker.log_group(f"/aws/eks/{town.place.cluster}/cluster")
    assert name not in {each.id for each in sweep.plan(aws, town.target, ()).doomed}


def test_nothing_is_looked_at_in_another_account(town: Town, aws: Proven) -> None:
    town.leave()
    elsewhere = replace(town.target, account_id="999999999999")
    planned = sweep.plan(aws, elsewhere, ())
    assert planned.doomed == []
    (why,) = planned.findings.unknown
    assert "the credentials are of account" in why


def test_an_interface_in_use_is_not_touched(town: Town, aws: Proven) -> None:
    """W7: the predecessor detached the interfaces of nodes that were alive."""
    ec2 = town.clients.ec2
    left = town.leave()
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    owned = [{"Key": f"kubernetes.io/cluster/{town.place.cluster}", "Value": "owned"}]
    tags = [{"ResourceType": "network-interface", "Tags": owned}]
    eni = ec2.create_network_interface(SubnetId=town.place.subnets[0], TagSpecifications=tags)["NetworkInterface"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=town.place.subnets[0])
    instance_id = instance["Instances"][0]["InstanceId"]
    ec2.attach_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"], InstanceId=instance_id, DeviceIndex=1)

    planned = sweep.plan(aws, town.target, ())
    assert {each.id for each in planned.doomed} == ids(left)
    assert {each.id for each in planned.kept} == {eni["NetworkInterfaceId"]}
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert eni["NetworkInterfaceId"] in {each.id for each in sweep.plan(aws, town.target, ()).doomed}


def test_a_protected_load_balancer_goes_too(town: Town, aws: Proven) -> None:
    left = town.leave()
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    town.clients.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=left["load balancer"][0], Attributes=on
    )
    assert town.sweep(aws).good


def test_a_group_that_the_stack_s_own_names_goes(town: Town, aws: Proven) -> None:
    """The rules of other groups that name it are taken back, and no others."""
    left = town.leave()
    own = town.maker.group(town.place, "the-stacks-own", {})
    town.maker.refer(own, left["security group"][0])
    town.maker.refer(own, own)
    assert town.sweep(aws).good
    (group,) = town.clients.ec2.describe_security_groups(GroupIds=[own])["SecurityGroups"]
    assert [pair["GroupId"] for rule in group["IpPermissions"] for pair in rule["UserIdGroupPairs"]] == [own]


def test_what_does_not_go_is_said_with_what_aws_said(town: Town, aws: Proven) -> None:
    left = town.leave()
    group = left["security group"][0]
    town.maker.interface(town.place, "a person's", {}, [group])
    outcome = town.sweep(aws, deadline=0.5)
    assert not outcome.good
    assert group in next(iter(outcome.failed))
    assert "has a dependent object" in next(iter(outcome.failed.values()))


def test_a_second_sweep_has_nothing_to_do(town: Town, aws: Proven) -> None:
    town.leave()
    assert town.sweep(aws).deleted
    assert town.sweep(aws).deleted == []


def test_what_somebody_else_deletes_meanwhile_counts_as_gone(town: Town, aws: Proven) -> None:
    left = town.leave()
    planned = sweep.plan(aws, town.target, ())
    town.clients.ec2.delete_volume(VolumeId=left["volume"][0])
    town.clients.client("logs").delete_log_group(logGroupName=left["log group"][0])
    assert sweep.sweep(aws, planned, SHORT, lambda _line: None).good


def test_what_says_nothing_of_whose_it_is_is_reported_and_left(town: Town, aws: Proven) -> None:
    kept = town.beside()
    findings = probe.look(aws, town.target)
    strangers = {each.id for each in findings.strangers}
    assert kept["network interface"][0] in strangers
    assert kept["security group"][0] in strangers
    assert not findings.ours or all(each.claim is Claim.OURS for each in findings.ours)


def test_the_order_is_that_of_what_holds_what() -> None:
    groups = [[kind.name for kind in group] for group in kinds.generations()]
    place = {name: number for number, group in enumerate(groups) for name in group}
    assert place["load balancer"] < place["target group"]
    assert place["load balancer"] < place["network interface"] < place["security group"]
    assert place["instance"] < place["volume"]


def test_every_kind_says_how_a_person_removes_one() -> None:
    for kind in kinds.KINDS:
        assert kind.command, kind.name
        assert re.match(r"aws \S+ \S+", kind.command)
