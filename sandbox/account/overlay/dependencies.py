"""What EC2 refuses to take away while something depends on it: one function a rule, with EC2's code and message.

Source: EC2 API reference, the operation of the same name and "Error codes"; the messages are the service's own replies.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.ec2.exceptions import EC2ClientError

if TYPE_CHECKING:
    from moto.ec2.models.elastic_ip_addresses import ElasticAddress
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface

    from sandbox.account.overlay.ec2 import Ec2

VIOLATION = "DependencyViolation"


def refuse_interfaces_in_subnet(ec2: Ec2, subnet_id: str) -> None:
    """DeleteSubnet: interfaces of instances, NAT gateways, endpoints, load balancers or the VPC CNI are in it."""
    if any(eni.subnet_id == subnet_id for eni in ec2.enis.values()):
        raise EC2ClientError(VIOLATION, f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")


def refuse_gateway_in_vpc(ec2: Ec2, vpc_id: str) -> None:
    """DeleteVpc: an internet gateway is attached."""
    if any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in ec2.internet_gateways.values()):
        raise _vpc(vpc_id)


def refuse_groups_in_vpc(ec2: Ec2, vpc_id: str) -> None:
    """DeleteVpc: a security group other than the default one is in it."""
    if any(not group.is_default for group in ec2.groups[vpc_id].values()):
        raise _vpc(vpc_id)


def refuse_network_acls_in_vpc(ec2: Ec2, vpc_id: str) -> None:
    """DeleteVpc: a network ACL other than the default one is in it."""
    if any(acl.vpc_id == vpc_id and not acl.default for acl in ec2.network_acls.values()):
        raise _vpc(vpc_id)


def refuse_default_group(ec2: Ec2, group_id: str) -> None:
    """DeleteSecurityGroup: the default group goes with its VPC alone."""
    group = ec2.get_security_group_from_id(group_id)
    if group and group.is_default:
        raise EC2ClientError(
            "CannotDelete", f'the specified group: "{group_id}" name: "{group.name}" cannot be deleted by a user'
        )


def is_group_in_use(ec2: Ec2, group_id: str) -> bool:
    """Whether an interface has a security group, or a rule of another group names it."""
    if any(group.id == group_id for eni in ec2.enis.values() for group in eni.group_set):
        return True
    return any(
        (rule.source_group or {}).get("GroupId") == group_id
        for groups in ec2.groups.values()
        for group in groups.values()
        if group.id != group_id
        for rule in (*group.ingress_rules, *group.egress_rules)
    )


def refuse_group_in_use(ec2: Ec2, group_id: str) -> None:
    """DeleteSecurityGroup: an interface has it, or a rule of another group names it."""
    if is_group_in_use(ec2, group_id):
        raise EC2ClientError(VIOLATION, f"resource {group_id} has a dependent object")


def refuse_mapped_addresses(ec2: Ec2, vpc_id: str) -> None:
    """DetachInternetGateway: an interface of the VPC has a public address."""
    if any(eni.public_ip and eni.vpc_id == vpc_id for eni in ec2.enis.values()):
        raise EC2ClientError(
            VIOLATION,
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )


def refuse_address_in_use(address: ElasticAddress) -> None:
    """ReleaseAddress: it is associated."""
    if address.association_id:
        raise EC2ClientError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")


def refuse_attached_interface(interface: NetworkInterface) -> None:
    """DeleteNetworkInterface: it is attached, or another service of AWS holds it."""
    if interface.status == "in-use":
        raise EC2ClientError("InvalidParameterValue", f"Network interface '{interface.id}' is currently in use.")


def _vpc(vpc_id: str) -> EC2ClientError:
    return EC2ClientError(VIOLATION, f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
