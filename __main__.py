"""The ephemeral stack: settings, then components in the order in which AWS can build them, then outputs."""

from __future__ import annotations

from datetime import UTC, datetime

import pulumi
import pulumi_aws as aws

from infra import addons, always_on, aws_only, jumpbox, support_dates
from infra.cluster import Cluster
from infra.contract import names
from infra.network import Network
from infra.nodes import Nodes
from infra.settings import load
from infra.workload_identity import Identity

aws_only.install()
settings = load()
support_dates.warn(settings.kubernetes_version, datetime.now(UTC).date())
always_on.warn(settings)
provider = aws.Provider(
    "aws",
    region=settings.region,
    allowed_account_ids=[settings.account_id],
    default_tags=aws.ProviderDefaultTagsArgs(tags=settings.all_tags),
)
opts = pulumi.ResourceOptions(providers=[provider])

network = Network(settings, opts)
cluster = Cluster(settings, network=network, opts=opts)
identity = Identity(settings, cluster=cluster, opts=opts)
before = addons.Addons("before-nodes", settings, addons.before_nodes(cni=identity.cni), cluster=cluster, opts=opts)
needs = [*before.resources, *network.egress, *identity.grants]
nodes = Nodes(settings, cluster=cluster, subnet_ids=network.private_subnet_ids, depends_on=needs, opts=opts)
after = addons.after_nodes(cluster, ebs_csi=identity.ebs_csi)
addons.Addons("after-nodes", settings, after, cluster=cluster, depends_on=nodes.groups, opts=opts)
if settings.jump_box:
    jumpbox.JumpBox(settings, network=network, cluster=cluster, opts=opts)

outputs = {  # names and types: infra/contract/outputs.py
    "vpc_id": network.vpc_id,
    "cluster_name": cluster.name,
    "aws_region": settings.region,
    "aws_account_id": settings.account_id,
    "environment": settings.environment,
    "ecr_registry": names.ecr_registry(settings.account_id, settings.region),
    "ingress_cidrs": ",".join(map(str, settings.applications_open_to)),
    "ingress_scheme": settings.ingress_scheme,
    "load_balancer_cidr": str(settings.load_balancer_cidr),
    "load_balancer_controller_role_arn": identity.load_balancer_controller_role_arn,
    "cluster_endpoint": cluster.resource.endpoint,
    "cluster_certificate_authority": cluster.resource.certificate_authority.data,
    "cluster_security_group_id": cluster.resource.vpc_config.cluster_security_group_id,
    "oidc_issuer": cluster.issuer,
    "private_subnet_ids": network.private_subnet_ids,
    "public_subnet_ids": network.public_subnet_ids,
    "node_group_names": nodes.group_names,
}
for name, value in outputs.items():
    pulumi.export(name, value)
