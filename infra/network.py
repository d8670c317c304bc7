"""The VPC: two subnets a zone, a way out for nodes, and nothing that costs money but NAT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra.contract import names

if TYPE_CHECKING:
    from infra.settings import Settings

EVERYWHERE = "0.0.0.0/0"


class Network(pulumi.ComponentResource):
    """A VPC with public and private subnets, NAT by strategy, and a free gateway endpoint for S3.

    Attributes:
        vpc: the VPC itself, for `replace_with`.
        vpc_id: its id.
        public_subnet_ids, private_subnet_ids: one a zone, in the order of the settings.
        egress: what a node needs to reach the internet, NAT's own way out included: the resources to depend on.
    """

    def __init__(self, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{names.PROJECT}:index:Network", "network", None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self.vpc = aws.ec2.Vpc(
            "vpc",
            cidr_block=str(settings.vpc_cidr),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": settings.cluster_name},
            opts=self._child,
        )
        self.egress: list[pulumi.Resource] = []
        # A rule left in the default group would let whatever forgets to name its group talk to its neighbours.
        aws.ec2.DefaultSecurityGroup("default", vpc_id=self.vpc.id, opts=self._child)
        public, way_out = self._public_subnets(settings)
        private, tables = self._private_subnets(settings)
        self._nat(settings, public, tables, way_out)
        aws.ec2.VpcEndpoint(
            "s3",
            vpc_id=self.vpc.id,
            service_name=f"com.amazonaws.{settings.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags={"Name": f"{settings.cluster_name}-s3"},
            opts=self._child,
        )
        self.vpc_id = self.vpc.id
        self.public_subnet_ids = [subnet.id for subnet in public]
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.register_outputs({"vpc_id": self.vpc_id})

    def _public_subnets(self, settings: Settings) -> tuple[list[aws.ec2.Subnet], aws.ec2.Route]:
        gateway = aws.ec2.InternetGateway(
            "internet", vpc_id=self.vpc.id, tags={"Name": settings.cluster_name}, opts=self._child
        )
        table = self._table("public", settings)
        way_out = self._route("public", table, gateway_id=gateway.id)
        found: list[aws.ec2.Subnet] = []
        for plan in settings.availability_plan:
            name = f"public-{plan.zone}"
            subnet = self._subnet(name, settings, plan.zone, str(plan.public), public=True)
            self._associate(name, subnet, table)
            found.append(subnet)
        return found, way_out

    def _private_subnets(self, settings: Settings) -> tuple[list[aws.ec2.Subnet], list[aws.ec2.RouteTable]]:
        found: list[aws.ec2.Subnet] = []
        tables: list[aws.ec2.RouteTable] = []
        for plan in settings.availability_plan:
            name = f"private-{plan.zone}"
            subnet = self._subnet(name, settings, plan.zone, str(plan.private), public=False)
            table = self._table(name, settings)
            self._associate(name, subnet, table)
            found.append(subnet)
            tables.append(table)
        return found, tables

    def _nat(
        self,
        settings: Settings,
        public: list[aws.ec2.Subnet],
        tables: list[aws.ec2.RouteTable],
        way_out: aws.ec2.Route,
    ) -> None:
        gateways: list[aws.ec2.NatGateway] = []
        count = len(settings.zones) if settings.nat_strategy == "per-zone" else 1
        for zone, subnet in zip(settings.zones[:count], public, strict=False):
            tags = {"Name": f"{settings.cluster_name}-nat-{zone}"}
            # An address is released only after the NAT gateway that holds it, a NAT gateway needs the way out.
            address = aws.ec2.Eip(f"nat-{zone}", domain="vpc", tags=tags, opts=self._child)
            # A new one in another subnet wants the address that the old one holds.
            options = pulumi.ResourceOptions(parent=self, depends_on=[way_out], delete_before_replace=True)
            gateways.append(
                aws.ec2.NatGateway(
                    f"nat-{zone}", allocation_id=address.allocation_id, subnet_id=subnet.id, tags=tags, opts=options
                )
            )
        for index, (zone, table) in enumerate(zip(settings.zones, tables, strict=True)):
            self._route(f"private-{zone}", table, nat_gateway_id=gateways[index % count].id)

    def _subnet(self, name: str, settings: Settings, zone: str, cidr: str, *, public: bool) -> aws.ec2.Subnet:
        # AWS Load Balancer Controller, subnet discovery: it puts load balancers of a scheme where its tag is. Both are
        # apart from the pods, so that network policies can tell them apart: docs/k8s.md#who-reaches-an-application.
        roles = {f"kubernetes.io/role/{role}": "1" for role in ("elb", "internal-elb")} if public else {}
        return aws.ec2.Subnet(
            name,
            vpc_id=self.vpc.id,
            cidr_block=cidr,
            availability_zone=zone,
            map_public_ip_on_launch=public,
            tags={"Name": f"{settings.cluster_name}-{name}", **roles},
            opts=self._child,
        )

    def _table(self, name: str, settings: Settings) -> aws.ec2.RouteTable:
        tags = {"Name": f"{settings.cluster_name}-{name}"}
        return aws.ec2.RouteTable(name, vpc_id=self.vpc.id, tags=tags, opts=self._child)

    def _route(
        self,
        name: str,
        table: aws.ec2.RouteTable,
        *,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> aws.ec2.Route:
        route = aws.ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block=EVERYWHERE,
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self._child,
        )
        self.egress.append(route)
        return route

    def _associate(self, name: str, subnet: aws.ec2.Subnet, table: aws.ec2.RouteTable) -> None:
        self.egress.append(
            aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id, opts=self._child)
        )
