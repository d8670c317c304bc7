"""The rows of security groups and their rules."""

from __future__ import annotations

import re
from typing import Any

from .ec2 import described, filters, tagged
from .errors import ProviderError
from .names import AutoName
from .property_checks import cidr
from .row import Property, Resource, Response, Row, Step, assigned


def _adopt_default_group(r: Resource) -> Response:
    groups = r.call("DescribeSecurityGroups", Filters=filters(vpc_id=r["vpcId"], group_name="default"))
    if not groups["SecurityGroups"]:
        raise ProviderError(f"VPC {r['vpcId']} has no default security group")
    group = groups["SecurityGroups"][0]
    adopted = Resource(r.row, group["GroupId"], r.values, {}, r.account, r.invoke, r.wait)
    if r["tagsAll"] and r.row.tags:
        r.row.tags.tag(adopted, r["tagsAll"])
    return group


def _empty_group(r: Resource) -> None:
    group = described("DescribeSecurityGroups", "SecurityGroups", "GroupIds")(r) or {}
    for operation, listed in (
        ("RevokeSecurityGroupIngress", "IpPermissions"),
        ("RevokeSecurityGroupEgress", "IpPermissionsEgress"),
    ):
        if group.get(listed):
            r.call(operation, GroupId=r.id, IpPermissions=group[listed])


def _no_rules(value: Any) -> str:
    return f"{value!r} is not allowed: the stand-in keeps a default security group empty" if value else ""


_RULE = {
    "protocol": Property(member="IpProtocol"),
    "fromPort": Property(),
    "toPort": Property(),
    "cidrBlocks": Property(member="IpRanges", decode=lambda ranges: [each["CidrIp"] for each in ranges]),
}

DEFAULT_SECURITY_GROUP = Row(
    type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    service="ec2",
    source="terraform-provider-aws, aws_default_security_group: vpc_id is ForceNew",
    key=assigned("GroupId", "GroupId"),
    properties={
        "vpcId": Property(required=True, replaces=True, local=True),
        "ingress": Property(member="IpPermissions", fields=_RULE, many=True, default=[], check=_no_rules, local=True),
        "egress": Property(
            member="IpPermissionsEgress", fields=_RULE, many=True, default=[], check=_no_rules, local=True
        ),
    },
    outputs={"arn": Property(), "name": Property(member="GroupName"), "ownerId": Property(), "description": Property()},
    create=_adopt_default_group,
    read=described("DescribeSecurityGroups", "SecurityGroups", "GroupIds", "security-group"),
    steps=(Step(("ingress", "egress"), run=_empty_group, creates=True),),
    # AWS keeps a VPC's default group for as long as the VPC lives.
    delete=lambda _: None,
    tags=tagged("security-group"),
)


def _description(value: Any) -> str:
    # Source: EC2 API reference, CreateSecurityGroup, GroupDescription in a VPC.
    if re.fullmatch(r"[\w .:/()#,@\[\]+=&;{}!$*-]{1,255}", str(value), re.ASCII):
        return ""
    return f"{value!r} is not allowed: at most 255 letters, digits, spaces and ._-:/()#,@[]+=&;{{}}!$*"


SECURITY_GROUP = Row(
    type="aws:ec2/securityGroup:SecurityGroup",
    service="ec2",
    cloudformation="AWS::EC2::SecurityGroup",
    key=assigned("GroupId", "GroupId"),
    # Source of the limit: EC2 API, CreateSecurityGroup.
    name=AutoName("name", 255),
    properties={
        "name": Property(member="GroupName", replaces=True),
        "description": Property(member="Description", replaces=True, default="Managed by Pulumi", check=_description),
        "vpcId": Property(required=True, replaces=True),
    },
    # Not its rules: they come later, and a refresh would find drift.
    outputs={"arn": Property(member="SecurityGroupArn"), "ownerId": Property()},
    create="CreateSecurityGroup",
    read=described("DescribeSecurityGroups", "SecurityGroups", "GroupIds"),
    # AWS lets the members of a new group reach everything; pulumi-aws takes that back.
    steps=(Step(("vpcId",), run=_empty_group, creates=True),),
    delete="DeleteSecurityGroup",
    tags=tagged("security-group"),
)


def _read_rule(r: Resource, *, egress: bool) -> Response | None:
    """As the operations that create it have it, but for ports that AWS calls -1 where none were given."""
    found: list[Response] = r.call("DescribeSecurityGroupRules", SecurityGroupRuleIds=[r.id])["SecurityGroupRules"]
    rule = next((each for each in found if each["IsEgress"] is egress), None)
    if rule is None:
        return None
    ports = {"FromPort": "fromPort", "ToPort": "toPort"}
    permission = {
        "IpProtocol": rule["IpProtocol"],
        **{member: rule[member] for member, name in ports.items() if rule[member] != -1 or r[name] is not None},
        "IpRanges": [{"CidrIp": rule.get("CidrIpv4")}],
        "UserIdGroupPairs": [{"GroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId")}],
    }
    return {**rule, "Arn": r.arn("security-group-rule"), "IpPermissions": [permission]}


def _modify_rule(r: Resource) -> None:
    rule = {
        "IpProtocol": r["ipProtocol"],
        "FromPort": r["fromPort"],
        "ToPort": r["toPort"],
        "CidrIpv4": r["cidrIpv4"],
        "ReferencedGroupId": r["referencedSecurityGroupId"],
    }
    wanted = {"SecurityGroupRuleId": r.id, "SecurityGroupRule": rule}
    r.call("ModifySecurityGroupRules", GroupId=r["securityGroupId"], SecurityGroupRules=[wanted])


_RULE_PROPERTIES = {
    "ipProtocol": Property(member="IpPermissions.0.IpProtocol", required=True),
    "fromPort": Property(member="IpPermissions.0.FromPort"),
    "toPort": Property(member="IpPermissions.0.ToPort"),
    "cidrIpv4": Property(member="IpPermissions.0.IpRanges.0.CidrIp", check=cidr(0, 32)),
    "referencedSecurityGroupId": Property(member="IpPermissions.0.UserIdGroupPairs.0.GroupId"),
}


def _rule(direction: str) -> Row:
    """A rule of its own of a security group: `Ingress` or `Egress`."""
    return Row(
        type=f"aws:vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule",
        service="ec2",
        source=f"terraform-provider-aws, aws_vpc_security_group_{direction.lower()}_rule: security_group_id alone is "
        "RequiresReplace, unless the kind of source changes",
        key=assigned("SecurityGroupRules.0.SecurityGroupRuleId", ""),
        properties={
            "securityGroupId": Property(member="GroupId", required=True, replaces=True),
            **_RULE_PROPERTIES,
        },
        outputs={"arn": Property(), "securityGroupRuleId": Property()},
        create=f"AuthorizeSecurityGroup{direction}",
        read=lambda r: _read_rule(r, egress=direction == "Egress"),
        steps=(Step(tuple(_RULE_PROPERTIES), run=_modify_rule),),
        delete=lambda r: r.call(
            f"RevokeSecurityGroup{direction}", GroupId=r["securityGroupId"], SecurityGroupRuleIds=[r.id]
        ),
        tags=tagged("security-group-rule"),
    )


SECURITY_GROUP_INGRESS_RULE = _rule("Ingress")
SECURITY_GROUP_EGRESS_RULE = _rule("Egress")

ROWS = (DEFAULT_SECURITY_GROUP, SECURITY_GROUP, SECURITY_GROUP_INGRESS_RULE, SECURITY_GROUP_EGRESS_RULE)
