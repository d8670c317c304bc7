"""What takes AWS time, or fails after a while: the embedded account answers at once, so its answers are scripted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.provider import wait
from sandbox.provider.errors import AwsError, IncompleteError, ProviderError
from sandbox.provider.lifecycle import Lifecycle
from sandbox.provider.row import Account
from sandbox.provider.table import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDON, NAT = "aws:eks/addon:Addon", "aws:ec2/natGateway:NatGateway"
INPUTS = {"clusterName": "staging", "addonName": "coredns", "addonVersion": "v1"}
MISSING = AwsError("Describe", "ResourceNotFoundException", "gone")


def addon(status: str, **more: Any) -> dict[str, Any]:
    return {"addon": {"clusterName": "staging", "addonName": "coredns", "addonVersion": "v1", "status": status, **more}}


def update(status: str, **more: Any) -> dict[str, Any]:
    return {"update": {"id": "u-1", "type": "AddonUpdate", "status": status, **more}}


class Script:
    """AWS: for each operation its answers in turn, the last one for ever."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.calls: list[str] = []

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append(operation)
        answers = self.answers[operation]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "POLL_SECONDS", 0.0)


def lifecycle(script: Script, token: str = ADDON) -> Lifecycle:
    return Lifecycle(
        row=ROWS[token],
        name=f"{token} 'x'",
        account=Account("123456789012", "eu-west-2"),
        invoke=script,
        wait=wait.Waiter.within(60, threading.Event(), lambda _line: None),
        default_tags={},
    )


def test_creation_ends_when_aws_says_that_the_resource_is_ready() -> None:
    script = Script(CreateAddon=[{}], DescribeAddon=[addon("CREATING"), addon("CREATING"), addon("ACTIVE")])
    resource_id, state = lifecycle(script).create(INPUTS)
    assert (resource_id, state["addonVersion"]) == ("staging:coredns", "v1")
    assert script.calls == ["CreateAddon", *["DescribeAddon"] * 3]


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DEGRADED"])
def test_a_creation_that_fails_tells_awss_reasons_and_keeps_the_resource(status: str) -> None:
    issues = [{"code": "InsufficientNumberOfReplicas", "message": "no nodes"}]
    script = Script(CreateAddon=[{}], DescribeAddon=[addon("CREATING"), addon(status, health={"issues": issues})])
    with pytest.raises(IncompleteError) as incomplete:
        lifecycle(script).create(INPUTS)
    assert incomplete.value.resource_id == "staging:coredns"
    assert incomplete.value.state == INPUTS
    assert incomplete.value.reason == f"{ADDON} 'x' is {status}: InsufficientNumberOfReplicas: no nodes"


def test_a_creation_that_aws_refuses_leaves_nothing_in_the_state() -> None:
    script = Script(CreateAddon=[AwsError("CreateAddon", "InvalidParameterException", "no addonVersion v1")])
    with pytest.raises(ProviderError, match=r"\(property addonVersion\): CreateAddon: InvalidParameterException"):
        lifecycle(script).create(INPUTS)


def test_an_update_ends_when_aws_says_that_it_is_successful() -> None:
    script = Script(
        UpdateAddon=[update("InProgress")],
        DescribeUpdate=[update("InProgress"), update("Successful")],
        DescribeAddon=[addon("UPDATING"), addon("ACTIVE", addonVersion="v2")],
    )
    state = lifecycle(script).update("staging:coredns", INPUTS, INPUTS, INPUTS | {"addonVersion": "v2"})
    assert state["addonVersion"] == "v2"
    assert script.calls == ["UpdateAddon", *["DescribeUpdate"] * 2, *["DescribeAddon"] * 2]


def test_an_update_that_fails_tells_awss_reasons() -> None:
    errors = [{"errorCode": "ConfigurationConflict", "errorMessage": "conflicts found"}]
    script = Script(UpdateAddon=[update("InProgress")], DescribeUpdate=[update("Failed", errors=errors)])
    with pytest.raises(ProviderError, match="AddonUpdate of staging:coredns is Failed: ConfigurationConflict: conf"):
        lifecycle(script).update("staging:coredns", INPUTS, INPUTS, INPUTS | {"addonVersion": "v2"})


def test_a_deletion_ends_when_nothing_is_there_any_more() -> None:
    script = Script(DeleteAddon=[{}], DescribeAddon=[addon("DELETING"), MISSING])
    lifecycle(script).delete("staging:coredns", INPUTS)
    assert script.calls == ["DeleteAddon", "DescribeAddon", "DescribeAddon"]


def test_a_deleted_nat_gateway_is_gone_though_aws_still_describes_it() -> None:
    script = Script(
        DeleteNatGateway=[{}],
        DescribeNatGateways=[{"NatGateways": [{"State": state}]} for state in ("deleting", "deleted")],
    )
    lifecycle(script, NAT).delete("nat-1", {})
    assert script.calls == ["DeleteNatGateway", "DescribeNatGateways", "DescribeNatGateways"]


def test_a_deletion_that_misses_something_else_is_refused() -> None:
    script = Script(DeleteAddon=[MISSING], DescribeAddon=[addon("ACTIVE")])
    with pytest.raises(ProviderError, match="ResourceNotFoundException"):
        lifecycle(script).delete("staging:coredns", INPUTS)


def test_a_call_that_fails_does_not_mean_that_nothing_is_there() -> None:
    script = Script(DescribeAddon=[AwsError("DescribeAddon", "AccessDeniedException", "not you")])
    with pytest.raises(ProviderError, match="AccessDeniedException: not you"):
        lifecycle(script).read("staging:coredns", INPUTS, INPUTS)
