"""EC2 as AWS does it, where this stack meets moto's differences (each method names one).

Source of the AWS side: EC2 API reference, the operation of the same name.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingParameterType=false, reportIncompatibleMethodOverride=false, reportPrivateUsage=false, reportUnnecessaryComparison=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.ec2 import urls
from moto.ec2.exceptions import EC2ClientError, InvalidAvailabilityZoneError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.kms.models import kms_backends

if TYPE_CHECKING:
    from moto.ec2.models.instances import Reservation
    from moto.ec2.models.nat_gateways import NatGateway
    from moto.ec2.models.security_groups import SecurityGroup
    from moto.ec2.models.subnets import Subnet


class Ec2(EC2Backend):
    """The EC2 of one account and region."""

    @property
    def _url_module(self) -> Any:
        return urls

    def create_subnet(
        self,
        vpc_id: str,
        cidr_block: str,
        ipv6_cidr_block: str | None = None,
        availability_zone: str | None = None,
        availability_zone_id: str | None = None,
        **kwargs: Any,
    ) -> Subnet:
        """Only in a zone of this region (moto takes any region's)."""
        zones = self.describe_availability_zones()
        refuse_foreign_zone(availability_zone, [zone.name for zone in zones])
        refuse_foreign_zone(availability_zone_id, [zone.zone_id for zone in zones])
        return super().create_subnet(
            vpc_id, cidr_block, ipv6_cidr_block, availability_zone, availability_zone_id, **kwargs
        )

    def create_security_group(self, *args: Any, **kwargs: Any) -> SecurityGroup:
        """A VPC's default group lets its own members in."""
        group = super().create_security_group(*args, **kwargs)
        if group.is_default:
            self.allow_within(group.id)
        return group

    def allow_within(self, group_id: str) -> None:
        """Add the rule that lets the members of a security group reach one another."""
        self.authorize_security_group_ingress(
            group_id, "-1", "-1", "-1", ip_ranges=[], source_groups=[{"GroupId": group_id}]
        )

    def delete_nat_gateway(self, nat_gateway_id: str) -> NatGateway:
        """Its network interface goes with it, and its address is free again."""
        refuse_unknown_nat_gateway(self, nat_gateway_id)
        gateway = super().delete_nat_gateway(nat_gateway_id)
        interface = self.get_network_interface(gateway.address_set[0]["networkInterfaceId"])
        for address in self.addresses:
            if address.eni is interface:
                self.disassociate_address(association_id=address.association_id)
        interface.delete()
        return gateway

    def run_instances(self, *args: Any, **kwargs: Any) -> Reservation:
        """Interfaces that are made with an instance end with it unless the request says otherwise."""
        requested = {int(spec["DeviceIndex"]): spec for spec in kwargs.get("nics", [])}
        reservation = super().run_instances(*args, **kwargs)
        for instance in reservation.instances:
            for index, eni in instance.nics.items():
                spec = requested.get(index, {})
                made_before = "NetworkInterfaceId" in spec
                eni.delete_on_termination = spec.get("DeleteOnTermination", not made_before)
        return reservation

    def _create_default_encryption_key(self) -> str:
        """The key for volumes that name none is AWS's own (moto makes it the customer's)."""
        arn = super()._create_default_encryption_key()
        kms_backends[self.account_id][self.region_name].describe_key(arn).key_manager = "AWS"
        return arn


def refuse_foreign_zone(zone: str | None, zones: list[str]) -> None:
    """InvalidParameterValue for a zone (name or id) that is not among the region's."""
    if zone and zone not in zones:
        raise InvalidAvailabilityZoneError(zone, ", ".join(zones))


def refuse_unknown_nat_gateway(ec2: Ec2, nat_gateway_id: str) -> None:
    """NatGatewayNotFound for an id that is not there, or not any more."""
    gateway = ec2.nat_gateways.get(nat_gateway_id)
    if gateway is None or gateway.state == "deleted":
        raise EC2ClientError("NatGatewayNotFound", f"NAT gateway {nat_gateway_id} was not found")


def install() -> None:
    """Make moto build `Ec2` wherever it builds an EC2 backend."""
    ec2_backends.backend = Ec2
