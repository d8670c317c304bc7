"""A way for people to a Kubernetes API that only the VPC reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import launch_templates, roles, trust
from infra.contract import names
from infra.network import EVERYWHERE

if TYPE_CHECKING:
    from infra.cluster import Cluster
    from infra.network import Network
    from infra.settings import Settings

IMAGE = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
"""EC2 user guide, public parameters: the latest Amazon Linux, resolved at launch, so that no preview looks it up."""

DISK_GIB = 8
TAG_NAME = "session-manager-jumpbox"


class JumpBox(pulumi.ComponentResource):
    """An instance through which Session Manager forwards a port to the Kubernetes API.

    Nothing reaches it. People use their own credentials through the forwarded port, of `aws ssm start-session
    --document-name AWS-StartPortForwardingSessionToRemoteHost`. Its access entry makes its role known to the API and
    has no policy: whoever gets a session may ask the API whether it is there, and nothing else. Only the entry and the
    rule that lets it in wait for the cluster.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        network: Network,
        cluster: Cluster,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{names.PROJECT}:index:JumpBox", "jump-box", None, opts)
        name, child = "jump-box", pulumi.ResourceOptions(parent=self)
        role = roles.make(name, settings, trust=trust.service_trust("ec2.amazonaws.com"), opts=child)
        attachment = roles.attach(name, role, launch_templates.SESSION_MANAGER_POLICY, opts=child)
        profile = aws.iam.InstanceProfile(name, path=names.iam_path(settings.cluster_name), role=role.name, opts=child)
        group = aws.ec2.SecurityGroup(
            name,
            description="Jump box: the way of Session Manager to the Kubernetes API",
            vpc_id=network.vpc_id,
            opts=child,
        )
        egress = aws.vpc.SecurityGroupEgressRule(
            name, security_group_id=group.id, ip_protocol="-1", cidr_ipv4=EVERYWHERE, opts=child
        )
        # Not left to the cluster's deletion: while a rule names a group, AWS refuses to delete the group.
        aws.vpc.SecurityGroupIngressRule(
            "kubernetes-api",
            security_group_id=cluster.resource.vpc_config.cluster_security_group_id,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=child,
        )
        aws.eks.AccessEntry(
            name,
            cluster_name=cluster.name,
            principal_arn=role.arn,
            type="STANDARD",
            opts=pulumi.ResourceOptions(parent=self, deleted_with=cluster.resource),
        )
        template = launch_templates.launch_template(
            name,
            settings,
            tag_name=TAG_NAME,
            disk_gib=DISK_GIB,
            image_id=IMAGE,
            instance_type=names.JUMP_BOX_INSTANCE_TYPE,
            profile_arn=profile.arn,
            security_group_ids=[group.id],
            opts=child,
        )
        aws.ec2.Instance(
            name,
            launch_template=aws.ec2.InstanceLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            subnet_id=network.private_subnet_ids[0],
            # Said here too: a tag that only the template gives would look like drift.
            tags={"Name": TAG_NAME},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment, egress, *network.egress]),
        )
        self.register_outputs({})
