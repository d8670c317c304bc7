"""Two states of the same program: what differs by nature is no difference, and what AWS chose otherwise is one."""

from __future__ import annotations

import json

import pytest

from common.errors import UnknownError
from sandbox.acceptance import states
from sandbox.acceptance.states import Difference
from tests.sandbox.acceptance.days import network, resource, state


def compared(embedded: str, real: str) -> states.Comparison:
    return states.compare(states.read(embedded), states.read(real))


def test_ids_arns_accounts_names_and_times_are_no_difference() -> None:
    assert compared(state(*network(1)), state(*network(2))) == states.Comparison()


def test_a_default_that_aws_chose_otherwise_is_named_with_its_resource() -> None:
    found = compared(state(*network(1)), state(*network(2, instanceTenancy="dedicated")))
    assert found.differences == (Difference("instanceTenancy", "none", '"dedicated"', ("Vpc vpc",), is_input=True),)
    assert found.behaviour == found.differences


def test_what_aws_alone_says_stands_apart() -> None:
    found = compared(state(*network(1, dhcpOptionsId="default")), state(*network(2, dhcpOptionsId="none-such")))
    assert [each.path for each in found.computed] == ["dhcpOptionsId"]
    assert found.behaviour == ()


def test_the_same_difference_on_several_resources_is_one() -> None:
    here = [resource("aws:ec2/subnet:Subnet", name, f"subnet-{name}") for name in "ab"]
    there = [resource("aws:ec2/subnet:Subnet", name, f"subnet-{name}", region="eu-west-2") for name in "ab"]
    (found,) = compared(state(*here), state(*there)).differences
    assert found.resources == ("Subnet a", "Subnet b")


@pytest.mark.parametrize("empty", [None, "", [], {}, False, 0])
def test_an_empty_value_is_as_good_as_none(empty: object) -> None:
    assert compared(state(*network(1, tags=empty)), state(*network(2))) == states.Comparison()


@pytest.mark.parametrize(("old", "new"), [(True, False), ("a", "b"), (1, 2), (["a"], ["a", "b"]), ({"a": 1}, {"a": 2})])
def test_a_value_that_differs_is_seen(old: object, new: object) -> None:
    assert len(compared(state(*network(1, tags=old)), state(*network(2, tags=new))).differences) == 1


def test_the_order_in_a_list_is_not_compared_and_a_policy_is_read() -> None:
    policy = {"Statement": [{"Action": ["a", "b"]}], "Version": "2012-10-17"}
    here = resource("aws:iam/policy:Policy", "p", "arn", policy=json.dumps(policy))
    policy["Statement"] = [{"Action": ["b", "a"]}]
    there = resource("aws:iam/policy:Policy", "p", "arn", policy=json.dumps(policy, indent=1, sort_keys=True))
    assert compared(state(here), state(there)) == states.Comparison()


def test_another_subnet_of_the_same_stack_is_a_difference() -> None:
    """An id stands for the resource that has it, so that a reference to a wrong one is seen."""
    subnets = [resource("aws:ec2/subnet:Subnet", name, f"subnet-{name * 8}") for name in "ab"]
    here, there = (resource("aws:ec2/natGateway:NatGateway", "n", "n", subnetId=f"subnet-{each * 8}") for each in "ab")
    (found,) = compared(state(*subnets, here), state(*subnets, there)).differences
    assert (found.embedded, found.real) == ('"<Subnet a>"', '"<Subnet b>"')


def test_a_resource_that_only_one_has_is_named() -> None:
    found = compared(state(*network(1)), state(*network(2)[:2], resource("aws:ec2/eip:Eip", "nat", "eipalloc-1")))
    assert (found.missing, found.added) == (("Role node",), ("Eip nat",))


def test_secrets_and_what_the_bridge_keeps_are_not_read() -> None:
    secret = {states.SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
    other = {states.SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:xyz"}
    here = resource("aws:ssm/parameter:Parameter", "p", "p", value=secret, masterPassword="a", __meta="{}")
    there = resource("aws:ssm/parameter:Parameter", "p", "p", value=other, masterPassword="b", __defaults=["x"])
    assert compared(state(here), state(there)) == states.Comparison()


def test_what_waits_for_its_deletion_is_not_compared() -> None:
    old = {**resource("aws:ec2/eip:Eip", "nat", "eipalloc-0"), "delete": True}
    assert compared(state(*network(1), old), state(*network(2))) == states.Comparison()


def test_what_is_no_state_is_unknown() -> None:
    with pytest.raises(UnknownError):
        states.read("error: no stack")
    assert states.read('{"deployment": {}}').resources == {}


def test_what_a_program_may_set_is_what_the_sdk_takes() -> None:
    inputs = states.inputs("aws:eks/cluster:Cluster")
    assert {"vpcConfig", "upgradePolicy", "version"} <= inputs
    assert not {"platformVersion", "arn", "endpoint", "tagsAll"} & inputs
    assert states.inputs("aws:nosuch/thing:Thing") == frozenset()
