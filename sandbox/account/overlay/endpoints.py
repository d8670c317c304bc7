"""VPC endpoints as EC2 makes them: those of the interface type stand in their subnets, with their groups.

Sources: EC2 API reference, CreateVpcEndpoint, ModifyVpcEndpoint, DeleteVpcEndpoints, VpcEndpoint; EC2 user guide,
"Requester-managed network interfaces"; AWS re:Post, "Why can't I delete my requester-managed VPC endpoint?".
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportPrivateUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.ec2.responses.vpcs import VPCs

if TYPE_CHECKING:
    from moto.ec2.models.vpcs import VPCEndPoint

    from sandbox.account.overlay.ec2 import Ec2

INTERFACE, GATEWAY = "Interface", "Gateway"
MANAGED = "com.amazonaws.vpce."
"""How the names of services begin that make endpoints in their customers' VPCs, such as Aurora Serverless."""


def is_interface(endpoint: VPCEndPoint) -> bool:
    """Whether an endpoint has interfaces."""
    return endpoint.vpc_endpoint_type == INTERFACE


def complete(ec2: Ec2, endpoint: VPCEndPoint) -> None:
    """Give a new endpoint what EC2 gives it: its type, who manages it, groups, interfaces of AWS's own."""
    endpoint.vpc_endpoint_type = endpoint.vpc_endpoint_type or GATEWAY
    setattr(endpoint, "requester_managed", endpoint.service_name.startswith(MANAGED))  # noqa: B010 -- moto has none
    if not is_interface(endpoint):
        return
    for interface in endpoint.network_interface_ids:  # moto's: anyone's, and free
        ec2.enis.pop(interface, None)
    default = ec2.get_default_security_group(endpoint.vpc_id)
    endpoint.security_group_ids = endpoint.security_group_ids or [default.id] if default else []
    endpoint.network_interface_ids = []
    place(ec2, endpoint)


def place(ec2: Ec2, endpoint: VPCEndPoint) -> None:
    """Make its interfaces those of its subnets and groups: one a subnet."""
    interfaces = {ec2.enis[each].subnet.id: ec2.enis[each] for each in endpoint.network_interface_ids}
    wanted = endpoint.subnet_ids or []
    for subnet_id in interfaces.keys() - set(wanted):
        ec2.take_interface_back(interfaces.pop(subnet_id))
    for subnet_id in wanted:
        if subnet_id not in interfaces:
            what = f"VPC Endpoint Interface {endpoint.id}"
            interfaces[subnet_id] = ec2.lend_interface(subnet_id, endpoint.security_group_ids, what, "vpc_endpoint")
        groups = [ec2.get_security_group_from_id(group) for group in endpoint.security_group_ids]
        interfaces[subnet_id]._group_set = groups  # noqa: SLF001 -- the one place where it stands
    endpoint.network_interface_ids = [interfaces[subnet_id].id for subnet_id in wanted]


def clear(ec2: Ec2, endpoint: VPCEndPoint) -> None:
    """Take its interfaces away; their ids stay in what is told of it."""
    for interface in filter(None, map(ec2.enis.get, endpoint.network_interface_ids)):
        ec2.take_interface_back(interface)


def unsuccessful(endpoint_id: str, code: str, message: str) -> dict[str, Any]:
    """What DeleteVpcEndpoints says of one that it did not delete."""
    return {"ResourceId": endpoint_id, "Error": {"Code": code, "Message": message}}


def refusals(ec2: Ec2, endpoint_ids: list[str]) -> list[dict[str, Any]]:
    """Those that DeleteVpcEndpoints does not delete: unknown ones, and those that a service manages."""
    refused: list[dict[str, Any]] = []
    for each in endpoint_ids:
        endpoint = ec2.vpc_end_points.get(each)
        if endpoint is None or endpoint.state == "deleted":
            message = f"The Vpc Endpoint Id '{each}' does not exist"
            refused.append(unsuccessful(each, "InvalidVpcEndpoint.NotFound", message))
        elif getattr(endpoint, "requester_managed", False):
            name = endpoint.service_name
            message = f"Operation is not allowed for requester-managed VPC endpoints for the service {name}"
            refused.append(unsuccessful(each, "InvalidParameter", message))
    return refused


def delete(response: Any) -> ActionResult:
    """DeleteVpcEndpoints answers 200, and says of each that it refuses why (moto: deletes any, of unknown ones too)."""
    ids: list[str] = response._get_param("VpcEndpointIds", [])  # noqa: SLF001 -- moto's own way
    refused = refusals(response.ec2_backend, ids)
    kept = {each["ResourceId"] for each in refused}
    response.ec2_backend.delete_vpc_endpoints([each for each in ids if each not in kept])
    return ActionResult({"Unsuccessful": refused})


def install() -> None:
    """Put the response in the place of moto's."""
    setattr(VPCs, "delete_vpc_endpoints", delete)  # noqa: B010 -- moto's routes name it
