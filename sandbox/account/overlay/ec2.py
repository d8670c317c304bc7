"""EC2 as AWS does it, where this stack meets moto's differences (each method names one).

Source of the AWS side: EC2 API reference, the operation of the same name.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingParameterType=false, reportIncompatibleMethodOverride=false, reportPrivateUsage=false, reportUnnecessaryComparison=false

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from moto.ec2 import urls, utils
from moto.ec2.exceptions import EC2ClientError, InvalidAvailabilityZoneError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from sandbox.account.overlay import dependencies, endpoints, launch, launch_templates, rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moto.core.base_backend import BaseBackend
    from moto.core.types import Base64EncodedString
    from moto.ec2.models.availability_zones_and_regions import Region
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface
    from moto.ec2.models.instances import Instance, InstanceState, Reservation
    from moto.ec2.models.launch_templates import LaunchTemplate
    from moto.ec2.models.nat_gateways import NatGateway
    from moto.ec2.models.security_groups import SecurityGroup
    from moto.ec2.models.subnets import Subnet
    from moto.ec2.models.vpcs import VPC, VPCEndPoint
    from moto.iam.models import IAMBackend


class Ec2(EC2Backend):
    """The EC2 of one account and region."""

    @property
    def _url_module(self) -> Any:
        return urls

    @property
    def iam(self) -> IAMBackend:
        """IAM of the same account."""
        return iam_backends[self.account_id][self.partition]

    def describe_regions(self, region_names: list[str] | None = None) -> list[Region]:
        """InvalidParameterValue for a region that AWS does not have (moto leaves it out)."""
        found = super().describe_regions(region_names)
        refuse_unknown_region(region_names or [], [region.name for region in found])
        return found

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

    def create_nat_gateway(self, *args: Any, **kwargs: Any) -> NatGateway:
        """Its interface is AWS's own (moto: anyone's, and free)."""
        gateway = super().create_nat_gateway(*args, **kwargs)
        interface = self.get_network_interface(gateway.address_set[0]["networkInterfaceId"])
        interface.description = f"Interface for NAT Gateway {gateway.id}"
        self._lend(interface, "nat_gateway")
        return gateway

    def delete_nat_gateway(self, nat_gateway_id: str) -> NatGateway:
        """Its network interface goes with it, and its address is free again."""
        refuse_unknown_nat_gateway(self, nat_gateway_id)
        gateway = super().delete_nat_gateway(nat_gateway_id)
        interface = self.get_network_interface(gateway.address_set[0]["networkInterfaceId"])
        for address in self.addresses:
            if address.eni is interface:
                super().disassociate_address(association_id=address.association_id)
        self.take_interfaces_back(f"Interface for NAT Gateway {nat_gateway_id}")
        return gateway

    def describe_nat_gateways(self, filters: Any, nat_gateway_ids: list[str] | None) -> list[NatGateway]:
        """By any filter (moto: tags do not count)."""
        return utils.generic_filter(filters, super().describe_nat_gateways(None, nat_gateway_ids))

    def lend_interface(
        self, subnet_id: str, groups: Sequence[str], description: str, kind: str = "interface"
    ) -> NetworkInterface:
        """Make the interface of another service in a subnet: nobody but its owner takes it away."""
        subnet = self.get_subnet(subnet_id)
        interface = self.create_network_interface(subnet, [], group_ids=list(groups), description=description)
        self._lend(interface, kind)
        return interface

    def _lend(self, interface: NetworkInterface, kind: str = "interface") -> None:
        interface.requester_managed, interface.status, interface.interface_type = True, "in-use", kind

    def take_interfaces_back(self, description: str) -> None:
        """Take away what `lend_interface` made with that description."""
        for interface in [eni for eni in self.enis.values() if eni.requester_managed]:
            if interface.description == description:
                self.take_interface_back(interface)

    def take_interface_back(self, interface: NetworkInterface) -> None:
        """Take away an interface that `lend_interface` made."""
        interface.status = "available"
        interface.delete()

    def delete_subnet(self, subnet_id: str) -> Subnet:
        """Not while there are interfaces in it; its association with a route table goes with it (moto: stays)."""
        dependencies.refuse_interfaces_in_subnet(self, subnet_id)
        deleted = super().delete_subnet(subnet_id)
        associations = [each for table in self.route_tables.values() for each in table.associations]
        for association in (each for each in associations if each.get("SubnetId") == subnet_id):
            self.disassociate_route_table(association["RouteTableAssociationId"])
        return deleted

    def delete_route_table(self, route_table_id: str) -> None:
        """Not the main one (moto: any without associations). Gateway endpoints forget it."""
        dependencies.refuse_main_route_table(self.get_route_table(route_table_id))
        super().delete_route_table(route_table_id)
        for endpoint in self.vpc_end_points.values():
            endpoint.route_table_ids = [each for each in endpoint.route_table_ids if each != route_table_id]

    def delete_vpc(self, vpc_id: str) -> VPC:
        """Not while anything but the default group, the default ACL and the main route table is in it; these go too."""
        self.get_vpc(vpc_id)
        dependencies.refuse_vpc_in_use(self, vpc_id)
        self.groups[vpc_id].clear()
        for table in [each for each in self.route_tables.values() if each.vpc_id == vpc_id]:
            del self.route_tables[table.id]
        return super().delete_vpc(vpc_id)

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        """Not the default one, nor one that is in use."""
        if group_id:
            dependencies.refuse_default_group(self, group_id)
            dependencies.refuse_group_in_use(self, group_id)
        super().delete_security_group(name, group_id)

    def detach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> None:
        """Not while the VPC has public addresses."""
        dependencies.refuse_mapped_addresses(self, vpc_id)
        super().detach_internet_gateway(internet_gateway_id, vpc_id)

    def release_address(self, address: str | None = None, allocation_id: str | None = None) -> None:
        """Not while it is associated."""
        found = self.address_by_ip([address]) if address else self.address_by_allocation([allocation_id or ""])
        dependencies.refuse_address_in_use(found[0])
        super().release_address(address, allocation_id)

    def disassociate_address(self, address: str | None = None, association_id: str | None = None) -> None:
        """Not from a NAT gateway."""
        found = self.address_by_ip([address]) if address else self.address_by_association([association_id or ""])
        dependencies.refuse_address_of_nat_gateway(found[0])
        super().disassociate_address(address, association_id)

    def delete_network_interface(self, eni_id: str) -> None:
        """Not while it is attached."""
        dependencies.refuse_attached_interface(self.get_network_interface(eni_id))
        super().delete_network_interface(eni_id)

    def terminate_instances(self, instance_ids: list[str]) -> list[tuple[Instance, InstanceState]]:
        """Interfaces end with it or are free again (moto leaves them attached)."""
        interfaces = [eni for eni in self.enis.values() if eni.instance and eni.instance.id in instance_ids]
        protected = [i for i in self.get_multi_instances_by_id(instance_ids) if i.disable_api_termination is True]
        for interface in () if protected else interfaces:
            interface.status, interface.attachment_id = "available", None
        terminated = super().terminate_instances(instance_ids)
        for interface in interfaces:
            interface.instance = None
        return terminated

    def run_instances(
        self,
        image_id: str | None,
        count: int,
        user_data: Base64EncodedString | None,
        security_group_names: list[str],
        **kwargs: Any,
    ) -> Reservation:
        """Image, disks, options, tags and profile as `launch` says; interfaces end with an instance they are made with.

        moto takes a launch template's image as it is written and its disks in addition to its own, and neither its
        profile, its metadata options nor its volumes' tags.
        """
        reference = kwargs.get("launch_template")
        data = self._get_template_from_args(reference).data if reference else {}
        image = launch.image(self, image_id or data.get("ImageId"))
        own_type = None if kwargs.get("is_instance_type_default") else kwargs.get("instance_type")
        launch.refuse_credits_of_other_types(data, own_type)
        profile = launch.profile_name(self, data)
        tags = kwargs.get("tags", {})
        kwargs["block_device_mappings"] = launch.disks(
            image, kwargs.get("block_device_mappings", data.get("BlockDeviceMappings", []))
        )
        kwargs["metadata_options"] = data.get("MetadataOptions", {}) | kwargs.get("metadata_options", {})
        kwargs["tags"] = tags | {"volume": launch.tags_of(data, "volume") | tags.get("volume", {})}
        reservation = super().run_instances(image.id, count, user_data, security_group_names, **kwargs)
        requested = {int(spec["DeviceIndex"]): spec for spec in kwargs.get("nics", [])}
        for instance in reservation.instances:
            for index, eni in instance.nics.items():
                spec = requested.get(index, {})
                made_before = "NetworkInterfaceId" in spec
                eni.delete_on_termination = spec.get("DeleteOnTermination", not made_before)
            if profile and not (kwargs.get("iam_instance_profile_name") or kwargs.get("iam_instance_profile_arn")):
                self.associate_iam_instance_profile(instance.id, iam_instance_profile_name=profile)
        return reservation

    def create_launch_template(
        self, name: str, description: str, template_data: dict[str, Any], tag_spec: dict[str, Any]
    ) -> LaunchTemplate:
        """Its own tags are not part of what it launches (moto writes them into its data)."""
        launched = [
            spec for spec in template_data.pop("TagSpecifications", []) if spec["ResourceType"] != "launch-template"
        ]
        if launched:
            template_data["TagSpecifications"] = launched
        return super().create_launch_template(name, description, template_data, tag_spec)

    def create_tags(self, resource_ids: list[str], tags: dict[str, str]) -> bool:
        """A launch template tells the tags that it has now (moto: those that it was made with)."""
        done = super().create_tags(resource_ids, tags)
        self._tell_tags(resource_ids)
        return done

    def delete_tags(self, resource_ids: list[str], tags: dict[str, str]) -> bool:
        """As `create_tags`."""
        done = super().delete_tags(resource_ids, tags)
        self._tell_tags(resource_ids)
        return done

    def describe_tags(self, filters: dict[str, list[str]] | None = None) -> list[dict[str, str]]:
        """Of one thing by its id, as every listing asks: at once (moto: by a pattern over all tags of the account)."""
        match filters:
            case {"resource-id": [str(key)], **others} if not others and not set(key) & set("*?"):
                kind = utils.EC2_PREFIX_TO_RESOURCE.get(utils.get_prefix(key), "")
                tags = self.tags.get(key, {})
                return [{"resource_id": key, "key": k, "value": v, "resource_type": kind} for k, v in tags.items()]
            case _:
                return super().describe_tags(filters)

    def _tell_tags(self, resource_ids: list[str]) -> None:
        for template in filter(None, map(self.launch_templates.get, resource_ids)):
            template.tags = template.get_tags()

    def create_vpc_endpoint(self, *args: Any, **kwargs: Any) -> VPCEndPoint:
        """As `endpoints` says: moto's has interfaces of anyone, without its groups."""
        endpoint = super().create_vpc_endpoint(*args, **kwargs)
        endpoints.complete(self, endpoint)
        return endpoint

    def delete_vpc_endpoints(self, vpce_ids: list[str] | None = None) -> None:
        """Its interfaces go with it."""
        for endpoint in filter(None, map(self.vpc_end_points.get, vpce_ids or [])):
            endpoints.clear(self, endpoint)
        super().delete_vpc_endpoints(vpce_ids)

    def modify_vpc_endpoint(self, vpc_id: str, **kwargs: Any) -> None:
        """Routes follow its route tables, interfaces its subnets and groups (moto changes the lists alone)."""
        endpoint = self.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])[0]
        before, prefixes = set(endpoint.route_table_ids), endpoint.destination_prefix_list_id
        if prefixes:
            for table in set(kwargs["add_route_tables"]) - before:
                self.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefixes)
            for table in set(kwargs["remove_route_tables"]) & before:
                self.delete_route(table, prefixes)
        super().modify_vpc_endpoint(vpc_id, **kwargs)
        if endpoints.is_interface(endpoint):
            endpoints.place(self, endpoint)

    def modify_security_group_rules(self, group_id: str, rules: dict[str, dict[str, Any]]) -> None:
        """A rule may come to name another group (moto keeps the one that it names)."""
        super().modify_security_group_rules(group_id, rules)
        group = self.get_security_group_from_id(group_id)
        for rule_id, wanted in rules.items():
            rule = group.get_rule(rule_id) if group else None
            if rule and wanted.get("ReferencedGroupId"):
                rule.source_group = {**rule.source_group, "GroupId": wanted["ReferencedGroupId"]}

    def _create_default_encryption_key(self) -> str:
        """The key for volumes that name none is AWS's own (moto makes it the customer's)."""
        arn = super()._create_default_encryption_key()
        kms_backends[self.account_id][self.region_name].describe_key(arn).key_manager = "AWS"
        return arn


def ec2_of(backend: BaseBackend) -> Ec2:
    """EC2 of the account and region of another service."""
    return ec2_backends[backend.account_id][backend.region_name]  # pyright: ignore[reportReturnType] -- `install`


def refuse_foreign_zone(zone: str | None, zones: list[str]) -> None:
    """InvalidParameterValue for a zone (name or id) that is not among the region's."""
    if zone and zone not in zones:
        raise InvalidAvailabilityZoneError(zone, ", ".join(zones))


def refuse_unknown_region(wanted: list[str], found: list[str]) -> None:
    """InvalidParameterValue for a region that is not among those found."""
    for region in wanted:
        if region not in found:
            raise EC2ClientError("InvalidParameterValue", f"Invalid region provided: {region}")


def refuse_unknown_nat_gateway(ec2: Ec2, nat_gateway_id: str) -> None:
    """NatGatewayNotFound for an id that is not there, or not any more."""
    gateway = ec2.nat_gateways.get(nat_gateway_id)
    if gateway is None or gateway.state == "deleted":
        raise EC2ClientError("NatGatewayNotFound", f"NAT gateway {nat_gateway_id} was not found")


_matches = utils.is_filter_matching


def matches(thing: Any, name: str, wanted: Any) -> bool:
    """A filter by `tag-key` takes what has any of the keys (moto: what has all of them)."""
    value = thing.get_filter_value(name)
    if name == "tag-key" and isinstance(value, list):
        return any(fnmatch.fnmatchcase(key, pattern) for key in value for pattern in wanted)
    return _matches(thing, name, wanted)


def install() -> None:
    """Make moto build `Ec2` wherever it builds an EC2 backend."""
    utils.is_filter_matching = matches
    ec2_backends.backend = Ec2
    endpoints.install()
    launch_templates.install()
    rules.install()
