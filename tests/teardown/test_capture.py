"""What is to go is written down before the state forgets it; a state that says nothing is unknown, not empty."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError, UnknownError
from common.pulumi.state import StackState
from teardown import capture
from teardown.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TARGET = Target("123456789012", "eu-west-2", "staging", "staging")


def exported(*resources: Mapping[str, object], pending: tuple[Mapping[str, object], ...] = ()) -> str:
    return json.dumps({"version": 3, "deployment": {"resources": resources, "pending_operations": pending}})


def test_a_state_lists_ids_arns_and_names_of_what_is_in_aws() -> None:
    vpc = {"type": "aws:ec2/vpc:Vpc", "urn": "urn::vpc", "id": "vpc-1", "outputs": {"arn": "arn:vpc-1"}}
    provider = {"type": "pulumi:providers:aws", "urn": "urn::aws", "id": "p-1"}
    foreign = {"type": "aws:ec2/subnet:Subnet", "urn": "urn::s", "id": "subnet-1", "external": True}
    component = {"type": "infra-fleet:index:Network", "urn": "urn::network"}
    state = capture.parse_state(exported(vpc, provider, foreign, component))
    assert state == StackState(frozenset({"vpc-1", "arn:vpc-1"}), "vpc-1")


def test_what_a_killed_run_was_at_is_named() -> None:
    resource = {"type": "aws:eks/cluster:Cluster", "urn": "urn:pulumi:staging::p::t::cluster"}
    state = capture.parse_state(exported(pending=({"type": "deleting", "resource": resource},)))
    assert state.pending == ("deleting cluster",)


@pytest.mark.parametrize("text", ["", "no json", "{}", '{"deployment": []}'])
def test_what_is_no_state_is_unknown(text: str) -> None:
    with pytest.raises(UnknownError, match="the stack's state is unknown"):
        capture.parse_state(text)


def test_the_vpc_outlives_the_state_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".teardown" / "staging.json"
    assert capture.capture(path, TARGET, StackState(vpc_id="vpc-1")).vpc_id == "vpc-1"
    assert capture.capture(path, TARGET, StackState()).vpc_id == "vpc-1"
    assert capture.read(path) == replace(TARGET, vpc_id="vpc-1")
    assert capture.capture(path, TARGET, StackState(vpc_id="vpc-2")).vpc_id == "vpc-2"


def test_the_file_of_another_cluster_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "staging.json"
    capture.capture(path, replace(TARGET, account_id="210987654321"), StackState())
    with pytest.raises(FleetError, match="is of staging in 210987654321: remove it"):
        capture.capture(path, TARGET, StackState())


@pytest.mark.parametrize("text", ["", "{}", '{"cluster": 1}'])
def test_a_file_that_is_none_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "staging.json"
    path.write_text(text)
    with pytest.raises(FleetError, match="is no captured target"):
        capture.read(path)
