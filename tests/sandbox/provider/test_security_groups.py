from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.provider.security_groups import ROWS
from sandbox.provider.vpc import VPC as VPC_ROW
from tests.sandbox.provider.driver import Made, RefusedError
from tests.sandbox.provider.round_trip import Update, gone, imported, made, settled, updated

if TYPE_CHECKING:
    from tests.sandbox.provider.driver import Driver

VPC = VPC_ROW.type
DEFAULT_GROUP, GROUP, INGRESS, EGRESS = (row.type for row in ROWS)


def test_default_security_group_is_emptied_and_left_behind(aws: Driver) -> None:
    vpc = aws.create(VPC, "main", {"cidrBlock": "10.0.0.0/16"})
    group = made(aws, DEFAULT_GROUP, "default", {"vpcId": vpc.id, "tags": {"Name": "unused"}})
    assert group.id == vpc["defaultSecurityGroupId"]
    assert (group["ingress"], group["egress"], group["name"]) == ([], [], "default")
    aws.delete(group)
    assert aws.refresh(group) is not None


def test_security_group_lets_nothing_out_until_a_rule_does(aws: Driver) -> None:
    vpc, other = (aws.create(VPC, name, {"cidrBlock": "10.0.0.0/16"}).id for name in ("main", "other"))
    inputs = {"vpcId": vpc, "description": "Box", "tags": {"Name": "box"}}
    group = made(aws, GROUP, "box", inputs)
    assert group["name"].startswith("box-")
    assert group["arn"] == f"arn:aws:ec2:eu-west-2:111122223333:security-group/{group.id}"
    imported(aws, group, inputs | {"name": group["name"]})
    # AWS refuses a second rule like one that is there.
    rule = made(aws, EGRESS, "all", {"securityGroupId": group.id, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"})
    settled(aws, group, inputs)
    group = updated(aws, group, Update(inputs | {"tags": {"Name": "other"}}, {"tags.Name"}))
    assert aws.diff(group, inputs | {"vpcId": other}).replaces == ["vpcId"]
    differ = aws.diff(group, inputs | {"description": "Other"})
    assert (differ.replaces, differ.delete_before_replace) == (["description"], False)
    gone(aws, rule)
    gone(aws, group)


@pytest.mark.parametrize("description", ["the box's", "umlaut: ä", "long" * 64])
def test_a_description_that_ec2_does_not_take_is_refused_in_a_preview(aws: Driver, description: str) -> None:
    with pytest.raises(RefusedError) as refused:
        aws.preview(GROUP, "box", {"vpcId": "vpc-1", "description": description})
    assert set(refused.value.failures) == {"description"}


def test_ingress_rule_from_another_group(aws: Driver) -> None:
    vpc = aws.create(VPC, "main", {"cidrBlock": "10.0.0.0/16"}).id
    api, box, other = (aws.create(GROUP, name, {"vpcId": vpc}).id for name in ("api", "box", "other"))
    ports: dict[str, Any] = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    inputs = {"securityGroupId": api, "referencedSecurityGroupId": box, **ports, "tags": {"Name": "api"}}
    rule = made(aws, INGRESS, "api", inputs)
    assert rule.id == rule["securityGroupRuleId"]
    assert rule["arn"] == f"arn:aws:ec2:eu-west-2:111122223333:security-group-rule/{rule.id}"
    imported(aws, rule, inputs)
    rule = updated(
        aws,
        rule,
        Update(inputs | {"toPort": 8443}, {"toPort"}, {"toPort": 8443}),
        Update(
            inputs | {"referencedSecurityGroupId": other},
            {"toPort", "referencedSecurityGroupId"},
            {"referencedSecurityGroupId": other, "toPort": 443},
        ),
        Update(inputs | {"tags": {}}, {"referencedSecurityGroupId", "tags"}, {"tagsAll": {"environment": "test"}}),
    )
    assert aws.diff(rule, inputs | {"securityGroupId": other}).replaces == ["securityGroupId"]
    gone(aws, rule)


def test_egress_rule_to_addresses(aws: Driver) -> None:
    vpc = aws.create(VPC, "main", {"cidrBlock": "10.0.0.0/16"}).id
    group = aws.create(GROUP, "box", {"vpcId": vpc})
    inputs = {
        "securityGroupId": group.id,
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "10.0.0.0/8",
    }
    rule = made(aws, EGRESS, "out", inputs)
    rule = updated(aws, rule, Update(inputs | {"cidrIpv4": "10.0.0.0/16"}, {"cidrIpv4"}, {"cidrIpv4": "10.0.0.0/16"}))
    assert aws.import_(INGRESS, "out", rule.id) is None
    aws.delete(group)
    gone(aws, rule)


def test_a_bad_rule_is_refused_in_a_preview(aws: Driver) -> None:
    inputs = {"securityGroupId": "sg-1", "ipProtocol": "tcp", "fromPort": "https", "cidrIpv4": "10.0.0.1/8"}
    with pytest.raises(RefusedError) as refused:
        aws.preview(EGRESS, "out", inputs)
    assert set(refused.value.failures) == {"cidrIpv4"}
    with pytest.raises(RefusedError) as refused:
        aws.preview(EGRESS, "out", inputs | {"cidrIpv4": "10.0.0.0/8"})
    assert refused.value.failures == {"fromPort": "'https' is not an integer"}


@pytest.mark.parametrize(("token", "prefix"), [(GROUP, "sg"), (INGRESS, "sgr"), (EGRESS, "sgr")])
def test_what_was_never_there_reads_as_gone(aws: Driver, token: str, prefix: str) -> None:
    assert aws.refresh(Made(token, "lost", f"{prefix}-0123456789abcdef0", {}, {"tags": {}})) is None
