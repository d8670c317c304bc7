"""What EC2 refuses to take away while something depends on it: one function a rule, with EC2's code and message.

Source: EC2 API reference, the operation of the same name and "Error codes"; the messages are the service's own replies.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.ec2.exceptions import EC2ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moto.ec2.models.elastic_ip_addresses import ElasticAddress
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface
    from moto.ec2.models.route_tables import RouteTable

    from sandbox.account.overlay.ec2 import Ec2

VIOLATION = "DependencyViolation"


def refuse_interfaces_in_subnet(ec2: Ec2, subnet_id: str) -> None:
    """DeleteSubnet: interfaces of instances, NAT gateways, endpoints, load balancers or the VPC CNI are in it."""
    if any(eni.subnet_id == subnet_id for eni in ec2.enis.values()):
        raise EC2ClientError(VIOLATION, f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")


def refuse_vpc_in_use(ec2: Ec2, vpc_id: str) -> None:
    """DeleteVpc: anything is in it that does not go with it, or a gateway is attached to it.

    The default security group, the default network ACL and the main route table go with it.
    """
    holders: tuple[Iterable[str | None], ...] = (
        (subnet.vpc_id for subnets in ec2.subnets.values() for subnet in subnets.values()),
        (gateway.vpc.id for gateway in ec2.internet_gateways.values() if gateway.vpc),
        (gateway.vpc_id for gateway in ec2.egress_only_internet_gateways.values()),
        (
            each.vpc_id
            for gateway in ec2.vpn_gateways.values()
            for each in gateway.attachments.values()
            if each.state == "attached"
        ),
        (group.vpc_id for group in ec2.groups[vpc_id].values() if not group.is_default),
        (acl.vpc_id for acl in ec2.network_acls.values() if not acl.default),
        (table.vpc_id for table in ec2.route_tables.values() if not table.main_association_id),
        (endpoint.vpc_id for endpoint in ec2.vpc_end_points.values() if endpoint.state != "deleted"),
    )
    if any(vpc_id == each for ids in holders for each in ids):
        raise EC2ClientError(VIOLATION, f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")


def refuse_main_route_table(table: RouteTable) -> None:
    """DeleteRouteTable: it is the main one of its VPC."""
    if table.main_association_id:
        raise EC2ClientError(VIOLATION, f"The routeTable '{table.id}' has dependencies and cannot be deleted.")


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


def refuse_address_of_nat_gateway(address: ElasticAddress) -> None:
    """DisassociateAddress: a NAT gateway holds the address, and lets it go when it is deleted."""
    if address.eni and address.eni.interface_type == "nat_gateway":
        raise EC2ClientError("AuthFailure", "You do not have permission to access the specified resource.")


def refuse_address_in_use(address: ElasticAddress) -> None:
    """ReleaseAddress: it is associated."""
    if address.association_id:
        raise EC2ClientError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")


def refuse_attached_interface(interface: NetworkInterface) -> None:
    """DeleteNetworkInterface: it is attached, or another service of AWS holds it."""
    if interface.status == "in-use":
        raise EC2ClientError("InvalidParameterValue", f"Network interface '{interface.id}' is currently in use.")
