"""Rules of security groups as EC2 compares and revokes them.

Source: EC2 API reference, RevokeSecurityGroupIngress and RevokeSecurityGroupEgress: a rule is named by its protocol,
ports and peer, its description need not be given; where one of several is not found in a VPC that is not the default
one, none is revoked.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportPrivateUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses.security_groups import SecurityGroups

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = ("GroupId", "UserId")
"""What names the group of a rule; a reply has more, its description among it."""

_same = SecurityGroupRule.__eq__


def same(rule: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    """Whether two rules allow the same traffic (moto: and have the same description, where they name a group)."""
    own, wanted = rule.source_group, other.source_group
    if _group(rule) != _group(other):
        return False
    try:
        rule.source_group = other.source_group = {}
        return _same(rule, other)
    finally:
        rule.source_group, other.source_group = own, wanted


def _group(rule: SecurityGroupRule) -> dict[str, str]:
    """The group that a rule names. Without an account it is one of the account that has the rule."""
    named = {"UserId": rule.owner_id, **rule.source_group}
    return {key: named[key] for key in GROUP} if rule.source_group else {}


def description(rule: SecurityGroupRule) -> str | None:
    """A rule's description (moto: only that of a rule which names addresses)."""
    return (rule.ip_range or rule.source_group).get("Description")


def whole(revoke: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a response revoke all the rules of a request or none (moto: those before the one that it does not find)."""

    def revoked(response: Any) -> Any:
        name = response._get_param("GroupId") or response._get_param("GroupName")  # noqa: SLF001 -- moto's own way
        group = response.ec2_backend.get_security_group_by_name_or_id(name)
        before = group and (group.ingress_rules, group.egress_rules)
        try:
            return revoke(response)
        except EC2ClientError:
            if before:
                group.ingress_rules, group.egress_rules = before
            raise

    return revoked


def install() -> None:
    """Put these in the place of moto's."""
    setattr(SecurityGroupRule, "__eq__", same)  # noqa: B010 -- as the others
    setattr(SecurityGroupRule, "description", property(description))  # noqa: B010
    for name in ("revoke_security_group_ingress", "revoke_security_group_egress"):
        setattr(SecurityGroups, name, whole(getattr(SecurityGroups, name)))
