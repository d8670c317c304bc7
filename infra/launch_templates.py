"""What every instance of the stack is launched from: an encrypted disk, IMDSv2 for itself alone, the stack's tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi_aws as aws

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from infra.settings import Settings

SESSION_MANAGER_POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
ROOT_DEVICE = "/dev/xvda"
"""The root device of AL2023 images."""


def launch_template(
    name: str,
    settings: Settings,
    *,
    tag_name: str,
    disk_gib: int,
    image_id: str | None = None,
    instance_type: str | None = None,
    cpu_credits: str | None = None,
    profile_arn: pulumi.Input[str] | None = None,
    security_group_ids: Sequence[pulumi.Input[str]] | None = None,
    opts: pulumi.ResourceOptions,
) -> aws.ec2.LaunchTemplate:
    """Make a launch template; a managed node group fills in image, type, profile and security groups itself.

    Args:
        name: the resource's name.
        settings: the stack's config.
        tag_name: the tag `Name` of instances and volumes.
        disk_gib: the size of the root volume.
        image_id: an AMI, or `resolve:ssm:` and a public parameter, which EC2 resolves when it launches.
        instance_type: the size.
        cpu_credits: `standard` or `unlimited`, of a burstable `instance_type`.
        profile_arn: the instance profile.
        security_group_ids: the security groups.
        opts: of the template.
    """
    # Tags of the provider and of the node group stay on those: instances and volumes get theirs from here.
    tags = {**settings.all_tags, "Name": tag_name}
    return aws.ec2.LaunchTemplate(
        name,
        update_default_version=True,
        image_id=image_id,
        instance_type=instance_type,
        credit_specification=(
            aws.ec2.LaunchTemplateCreditSpecificationArgs(cpu_credits=cpu_credits) if cpu_credits else None
        ),
        iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(arn=profile_arn) if profile_arn else None,
        vpc_security_group_ids=list(security_group_ids) if security_group_ids else None,
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            # One hop: containers do not reach the instance's credentials.
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=1,
        ),
        block_device_mappings=[
            aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                device_name=ROOT_DEVICE,
                ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                    volume_size=disk_gib, volume_type="gp3", encrypted="true", delete_on_termination="true"
                ),
            )
        ],
        tag_specifications=[
            aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags) for kind in ("instance", "volume")
        ],
        opts=opts,
    )
