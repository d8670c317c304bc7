"""What EC2 makes of a request to run instances: its launch template beneath it, its image, its disks.

Source: EC2 user guide, "Use a Systems Manager parameter instead of an AMI ID" and "Block device mappings"; EC2 API
reference, RunInstances: what the request names wins over the launch template.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.ec2.exceptions import EC2ClientError, MissingParameterError
from moto.iam.exceptions import NotFoundException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moto.ec2.models.amis import Ami

    from sandbox.account.overlay.ec2 import Ec2

PARAMETERS = "resolve:ssm:/aws/service/ami-amazon-linux-latest/"
"""How a request asks for the latest Amazon Linux; what follows is the image's name here."""

NODE_IMAGES = "amazon-eks-node-"
NODE_ROOT_SIZE, ROOT_SIZE = 20, 8
"""GiB, of the root volume of EKS's node images and of Amazon Linux."""


def image(ec2: Ec2, image_id: str | None) -> Ami:
    """The image of an id or a public parameter of Amazon Linux; EC2ClientError for one that is not there."""
    if not image_id:
        raise MissingParameterError("ImageId")
    if not image_id.startswith("resolve:"):
        return ec2.describe_images(ami_ids=[image_id])[0]
    if image_id.startswith(PARAMETERS):
        return image_named(ec2, image_id.removeprefix(PARAMETERS))
    raise EC2ClientError("InvalidParameterValue", f"Value ({image_id}) for parameter imageId is invalid")


def image_named(ec2: Ec2, name: str) -> Ami:
    """The image of that name; EC2ClientError."""
    found = next((ami for ami in ec2.amis.values() if ami.name == name), None)
    if found is None:
        raise EC2ClientError("InvalidParameterValue", f"no image of the embedded account is named {name}")
    return found


def disks(ami: Ami, given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The root device of the image and the devices given, each as EC2 completes it: deleted with its instance."""
    size = NODE_ROOT_SIZE if (ami.name or "").startswith(NODE_IMAGES) else ROOT_SIZE
    defaults = {"VolumeSize": size, "DeleteOnTermination": True}
    devices: dict[str, dict[str, Any]] = {ami.root_device_name: {"DeviceName": ami.root_device_name}}
    devices |= {each["DeviceName"]: each for each in given}
    return [{**each, "Ebs": defaults | with_values(each.get("Ebs", {}))} for each in devices.values()]


def with_values(members: dict[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def tags_of(data: dict[str, Any], kind: str) -> dict[str, str]:
    """The tags that a launch template gives to resources of a kind, `instance` or `volume`."""
    specifications = data.get("TagSpecifications", [])
    return {tag["Key"]: tag["Value"] for spec in specifications if spec["ResourceType"] == kind for tag in spec["Tags"]}


def refuse_credits_of_other_types(data: dict[str, Any], instance_type: str | None) -> None:
    """InstanceCreditSpecification.NotSupported for CPU credits of a type that is not burstable.

    Source of code and message: the service's own reply (terraform-provider-aws, issue 5067).
    """
    kind = instance_type or data.get("InstanceType") or ""
    if data.get("CreditSpecification") and not re.match(r"t\d", kind):
        message = f"The {kind} instance type does not support T2 Unlimited."
        raise EC2ClientError("InstanceCreditSpecification.NotSupported", message)


def profile_name(ec2: Ec2, data: dict[str, Any]) -> str | None:
    """The instance profile that a launch template names; InvalidParameterValue for one that is not there."""
    profile = data.get("IamInstanceProfile")
    if not profile:
        return None
    name = profile.get("Name") or profile["Arn"].rpartition("/")[2]
    try:
        return ec2.iam.get_instance_profile(name).name
    except NotFoundException:
        message = f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        raise EC2ClientError("InvalidParameterValue", message) from None
