"""Managed node groups and what their instances are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import launch_templates, roles, trust
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.cluster import Cluster
    from infra.settings import NodeGroup, Settings

WORKER_POLICIES = {
    "worker": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
    "pull": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
}


class Nodes(pulumi.ComponentResource):
    """The node groups of a cluster, on one role.

    EKS makes the access entry of the node role itself, and puts nodes into the cluster's security group.

    Attributes:
        groups: one a node group of the settings: what workloads wait for.
        group_names: their physical names.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        cluster: Cluster,
        subnet_ids: Sequence[pulumi.Input[str]],
        depends_on: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the groups.

        Args:
            settings: the stack's config.
            cluster: where the nodes join.
            subnet_ids: where they run.
            depends_on: what a node needs when it boots and while it drains: the CNI, and its way to the internet.
            opts: of the component.
        """
        super().__init__(f"{names.PROJECT}:index:Nodes", "nodes", None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        role = roles.make("node", settings, trust=trust.service_trust("ec2.amazonaws.com"), opts=self._child)
        wanted = {
            **WORKER_POLICIES,
            **({"shell": launch_templates.SESSION_MANAGER_POLICY} if settings.node_session_manager else {}),
        }
        attachments = [roles.attach(f"node-{name}", role, arn, opts=self._child) for name, arn in wanted.items()]
        self.groups = [
            aws.eks.NodeGroup(
                name,
                cluster_name=cluster.name,
                node_group_name_prefix=f"{name}-",
                node_role_arn=role.arn,
                # Taken from the cluster: an upgrade of the control plane is followed by one of its nodes.
                version=cluster.resource.version,
                release_version=group.ami_release,
                subnet_ids=list(subnet_ids),
                ami_type=group.ami_type,
                capacity_type=group.capacity_type,
                # EKS takes it from the launch template or from here, and from one of the two.
                instance_types=None if group.burstable_type else list(group.instance_types),
                scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                    min_size=group.min_size, desired_size=group.desired_size, max_size=group.max_size
                ),
                # EKS reports the strategy back: left out, it would be a change in every preview.
                update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1, update_strategy="DEFAULT"),
                node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
                launch_template=self._launch_template(name, settings, group),
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=[*attachments, *depends_on],
                    # EKS updates no group to a type in the other place. What is left out is computed, so pulumi-aws
                    # sees no change; and the engine compares two triggers, never one with none.
                    replacement_trigger=f"instance type in the {'template' if group.burstable_type else 'group'}",
                    custom_timeouts=pulumi.CustomTimeouts(create="20m", update="60m", delete="25m"),
                ),
            )
            for name, group in settings.node_groups.items()
        ]
        self.group_names = [group.node_group_name for group in self.groups]
        self.register_outputs({"group_names": self.group_names})

    def _launch_template(self, name: str, settings: Settings, group: NodeGroup) -> aws.eks.NodeGroupLaunchTemplateArgs:
        template = launch_templates.launch_template(
            name,
            settings,
            tag_name=f"{settings.cluster_name}-{name}",
            disk_gib=group.disk_gib,
            instance_type=group.burstable_type,
            cpu_credits=group.cpu_credits if group.burstable_type else None,
            opts=self._child,
        )
        version = template.latest_version.apply(str)
        return aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=version)
