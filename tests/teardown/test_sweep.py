"""The sweep finds and deletes what controllers left, all of it, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from teardown import kinds, probe, sweep
from teardown.claim import Claim
from teardown.kinds.balancers import BALANCER, TARGET_GROUP
from teardown.kinds.network import GROUP, INSTANCE, INTERFACE, VOLUME
from teardown.time_budget import Budget
from tests.teardown.conftest import SHORT, Town, town_in

if TYPE_CHECKING:
    from common.target import Proven
    from sandbox.account import process
    from sandbox.folder import Folder


def ids(left: dict[str, list[str]]) -> set[str]:
    return {each for group in left.values() for each in group}


@pytest.mark.parametrize("seed", range(3))
def test_all_that_controllers_left_goes_and_nothing_else(account: process.Account, aws: Proven, seed: int) -> None:
    town = town_in(account, seed)
    almost = town_in(account, seed, f"{town.place.cluster}-2")
    town.beside()
    almost.leave()
    town_in(account, seed).leave()
    before = town.clients.census()
    doomed = town.leave(2)

    planned = town.plan(aws)
    assert {each.id for each in planned.doomed} == ids(doomed)
    assert town.sweep(aws).good

    after = town.clients.census()
    assert {kind: set(found) ^ set(before[kind]) for kind, found in after.items() if found != before[kind]} == {}
    assert town.plan(aws).doomed == []


def test_a_plan_changes_nothing(town: Town, aws: Proven) -> None:
    town.leave()
    before = town.clients.census()
    assert town.plan(aws).doomed
    assert town.clients.census() == before


UNBOUND_KINDS = {"volume", "snapshot", "log group", "launch template", "address", "instance profile"}


def test_without_the_vpc_only_what_is_bound_to_none_is_deleted(town: Town, aws: Proven) -> None:
    """What is bound to a VPC is listed as left, and the plan says how to go on."""
    left = town.leave()
    blind = replace(town.target, vpc_id="")
    planned = sweep.plan(aws, blind, town.state.listed)
    assert {each.id for each in planned.doomed} == {key for kind in UNBOUND_KINDS for key in left[kind]}
    assert {each.id for each in planned.kept} == ids(left) - {each.id for each in planned.doomed}
    assert {each.claim for each in planned.kept} == {Claim.UNPLACED}
    assert {each.id for each in town.plan(aws).doomed} == ids(left)


def test_what_the_vpc_cni_made_is_known_by_its_description_where_no_other_cluster_is(town: Town, aws: Proven) -> None:
    left = town.leave()
    named = town.maker.interface(town.place, "aws-K8S-i-00000000000000000", {}, [left["security group"][0]])
    assert named in {each.id for each in town.plan(aws).doomed}
    town.maker.group(town.place, "theirs", {"elbv2.k8s.aws/cluster": "another"})
    assert named not in {each.id for each in town.plan(aws).doomed}


def test_an_interface_that_the_vpc_cni_only_tagged_is_a_persons(town: Town, aws: Proven) -> None:
    """It tags every interface that it finds on a node, also one that a person attached and took back."""
    tags = {
        "cluster.k8s.amazonaws.com/name": town.place.cluster,
        "node.k8s.amazonaws.com/instance_id": "i-00000000000000000",
        "eks:eni:owner": "amazon-vpc-cni",
    }
    theirs = town.maker.interface(town.place, "a licence is bound to this", tags, [])
    managed = town.maker.interface(
        town.place, "aws-K8S-i-00000000000000001", {**tags, "node.k8s.amazonaws.com/no_manage": "true"}, []
    )
    planned = town.plan(aws)
    assert planned.doomed == []
    assert {theirs, managed} <= {each.id for each in planned.findings.blocking}


def test_what_the_state_lists_is_never_swept(town: Town, aws: Proven) -> None:
    left = town.leave()
    target_group, volume = left["target group"][0], left["volume"][0]
    planned = {each.id for each in sweep.plan(aws, town.target, {*town.state.listed, target_group, volume}).doomed}
    assert planned == ids(left) - {target_group, volume}


def test_what_the_permanent_layer_owns_is_never_swept(town: Town, aws: Proven) -> None:
    """The log group that EKS writes to again, though the cluster is gone."""
    name = town.maker.log_group(f"/aws/eks/{town.place.cluster}/cluster")
    assert name not in {each.id for each in town.plan(aws).doomed}


def test_nothing_is_looked_at_in_another_account(town: Town, aws: Proven) -> None:
    town.leave()
    elsewhere = replace(town.target, account_id="999999999999")
    planned = sweep.plan(aws, elsewhere, ())
    assert planned.doomed == []
    (why,) = planned.findings.unknown
    assert "the credentials are of account" in why


def test_an_interface_in_use_is_not_touched(town: Town, aws: Proven) -> None:
    ec2 = town.clients.ec2
    left = town.leave()
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    owned = [{"Key": f"kubernetes.io/cluster/{town.place.cluster}", "Value": "owned"}]
    tags = [{"ResourceType": "network-interface", "Tags": owned}]
    eni = ec2.create_network_interface(SubnetId=town.place.subnets[0], TagSpecifications=tags)["NetworkInterface"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=town.place.subnets[0])
    instance_id = instance["Instances"][0]["InstanceId"]
    ec2.attach_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"], InstanceId=instance_id, DeviceIndex=1)

    planned = town.plan(aws)
    assert {each.id for each in planned.doomed} == ids(left)
    assert {each.id for each in planned.kept} == {eni["NetworkInterfaceId"]}
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert eni["NetworkInterfaceId"] in {each.id for each in town.plan(aws).doomed}


def test_a_protected_load_balancer_goes_too(town: Town, aws: Proven) -> None:
    left = town.leave()
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    town.clients.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=left["load balancer"][0], Attributes=on
    )
    assert town.sweep(aws).good


def test_rules_that_name_a_group_are_revoked_where_they_are_a_controllers_or_the_stacks(
    town: Town, aws: Proven
) -> None:
    """The load balancer controller writes its rules into groups that are not its own."""
    left = town.leave()
    group = left["security group"][0]
    own = town.maker.group(town.place, "the-stacks-own", {"project": "infra-fleet", "cluster": town.place.cluster})
    nodes = town.maker.group(town.place, "of-nodes", {})
    town.maker.refer(own, group)
    town.maker.refer(own, own)
    pair = {"GroupId": group, "Description": "elbv2.k8s.aws/targetGroupBinding=shared"}
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [pair]}
    town.clients.ec2.authorize_security_group_ingress(GroupId=nodes, IpPermissions=[rule])
    assert town.sweep(aws).good
    assert named_by(town, own) == [own]
    assert named_by(town, nodes) == []


def test_a_persons_rule_that_names_a_group_stays_and_is_named(town: Town, aws: Proven) -> None:
    left = town.leave()
    group = left["security group"][0]
    theirs = town.maker.group(town.place, "people", {})
    town.maker.refer(theirs, group)
    outcome = town.sweep(aws, deadline=3)
    assert outcome.failed == {}
    (kept,) = outcome.plan.kept
    assert (kept.id, kept.held) == (group, f"a rule of {theirs} (people) names it")
    assert named_by(town, theirs) == [group]


def named_by(town: Town, group: str) -> list[str]:
    """The groups that the rules of a group name."""
    (found,) = town.clients.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return [pair["GroupId"] for rule in found["IpPermissions"] for pair in rule["UserIdGroupPairs"]]


def test_what_a_persons_interface_holds_is_not_tried_and_says_what_holds_it(
    town: Town, aws: Proven, account_folder: Folder
) -> None:
    """A deletion that can never succeed is not waited for."""
    left = town.leave()
    group = left["security group"][0]
    theirs = town.maker.interface(town.place, "a person's", {}, [group])
    outcome = town.sweep(aws, deadline=3)
    (kept,) = outcome.plan.kept
    assert kept.id == group
    assert kept.held == f"in use by {theirs} (a person's)"
    calls = [json.loads(line) for line in account_folder.calls.read_text().splitlines()]
    assert not [call for call in calls if call["operation"] == "DeleteSecurityGroup" and group in json.dumps(call)]


def test_what_is_on_its_way_out_is_waited_for_and_what_aws_says_is_shown(town: Town, aws: Proven) -> None:
    left = town.leave()
    planned = town.plan(aws)
    town.maker.interface(town.place, "came meanwhile", {}, [left["security group"][0]])
    lines: list[str] = []
    outcome = sweep.sweep(aws, planned, Budget.of(2.0), lines.append, patience=0.5)
    assert left["security group"][0] in next(iter(outcome.failed))
    assert "has a dependent object" in next(iter(outcome.failed.values()))
    assert any("waiting since 0 s; AWS says: " in line for line in lines)


def test_a_sweep_ends_with_its_budget(town: Town, aws: Proven) -> None:
    town.leave()
    planned = town.plan(aws)
    for group in [each.id for each in planned.doomed if each.kind is GROUP]:
        town.maker.interface(town.place, "came meanwhile", {}, [group])
    budget = Budget.of(1.0)
    outcome = sweep.sweep(aws, planned, budget, lambda _line: None, patience=600.0)
    assert budget.left == 0.0
    assert len(outcome.failed) >= len([each for each in planned.doomed if each.kind is GROUP])


def test_a_second_sweep_has_nothing_to_do(town: Town, aws: Proven) -> None:
    town.leave()
    assert town.sweep(aws).deleted
    assert town.sweep(aws).deleted == []


def test_what_somebody_else_deletes_meanwhile_counts_as_gone(town: Town, aws: Proven) -> None:
    left = town.leave()
    planned = town.plan(aws)
    town.clients.ec2.delete_volume(VolumeId=left["volume"][0])
    town.clients.client("logs").delete_log_group(logGroupName=left["log group"][0])
    assert sweep.sweep(aws, planned, Budget.of(SHORT), lambda _line: None).good


def test_what_says_nothing_of_whose_it_is_is_reported_and_left(town: Town, aws: Proven) -> None:
    kept = town.beside()
    findings = probe.look(aws, town.target)
    strangers = {each.id for each in findings.blocking}
    assert kept["network interface"][0] in strangers
    assert kept["security group"][0] in strangers
    assert not strangers & {each.id for each in findings.ours}


def test_the_order_is_that_of_what_holds_what() -> None:
    place = {kind: number for number, generation in enumerate(kinds.generations()) for kind in generation}
    assert place[BALANCER] < place[TARGET_GROUP]
    assert place[BALANCER] < place[INTERFACE] < place[GROUP]
    assert place[INSTANCE] < place[VOLUME]


def test_every_kind_says_how_a_person_removes_one() -> None:
    for kind in kinds.KINDS:
        assert kind.command, kind.name
        assert re.match(r"aws \S+ \S+", kind.command)
