"""What EKS makes for a managed node group: instance profile, launch template, Auto Scaling group and instances.

Source: EKS user guide, "Simplify node lifecycle with managed node groups" and "Customize managed nodes with launch
templates".
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.autoscaling.models import InstanceState

from sandbox.account.overlay import launch

if TYPE_CHECKING:
    from moto.autoscaling.models import FakeAutoScalingGroup
    from moto.ec2.models.launch_templates import LaunchTemplate

    from sandbox.account.overlay.eks.backend import Cluster, Document, Eks

ROOT_DEVICE = "/dev/xvda"
"""The root device of the node images."""


def create(eks: Eks, cluster: Cluster, nodegroup: Document) -> None:
    """Make the group, without instances."""
    name = group_name(nodegroup)
    eks.iam.create_instance_profile(name, "/", [nodegroup["nodeRole"].rpartition("/")[2]])
    tags = node_tags(nodegroup)
    template = eks.ec2.create_launch_template(
        name, "", launch_data(eks, cluster, nodegroup), {"launch-template": tags | nodegroup["tags"]}
    )
    scaling = nodegroup["scalingConfig"]
    eks.autoscaling.create_auto_scaling_group(
        name,
        availability_zones=[],
        desired_capacity=0,
        max_size=scaling["maxSize"],
        min_size=scaling["minSize"],
        launch_config_name="",
        launch_template={"LaunchTemplateId": template.id, "Version": "$Latest"},
        vpc_zone_identifier=",".join(nodegroup["subnets"]),
        default_cooldown=None,
        health_check_period=None,
        health_check_type=None,
        load_balancers=[],
        target_group_arns=[],
        placement_group=None,
        termination_policies=[],
        tags=propagated(tags),
        capacity_rebalance=True,
    )


def scale(eks: Eks, nodegroup: Document) -> None:
    """Run or terminate instances until there are as many as desired."""
    group, scaling = auto_scaling_group(eks, nodegroup), nodegroup["scalingConfig"]
    group.min_size, group.max_size = scaling["minSize"], scaling["maxSize"]
    group.desired_capacity = scaling["desiredSize"]
    terminate(eks, group, len(group.instance_states) - scaling["desiredSize"])
    while len(group.instance_states) < scaling["desiredSize"]:
        run_instance(eks, nodegroup, group)


def replace(eks: Eks, cluster: Cluster, nodegroup: Document) -> None:
    """Replace every instance by one that is launched from `nodegroup`; the old ones go once the new ones run."""
    template = own_template(eks, nodegroup)
    template.create_version(launch_data(eks, cluster, nodegroup), "")
    group = auto_scaling_group(eks, nodegroup)
    old = len(group.instance_states)
    for _ in range(old):
        run_instance(eks, nodegroup, group)
    terminate(eks, group, old)


def delete(eks: Eks, nodegroup: Document) -> None:
    """Remove all that `create` made."""
    group = auto_scaling_group(eks, nodegroup)
    terminate(eks, group, len(group.instance_states))
    del eks.autoscaling.autoscaling_groups[group.name]
    eks.ec2.delete_launch_template(group.name, None)
    eks.iam.delete_instance_profile(group.name, ignore_attached_roles=True)


def group_name(nodegroup: Document) -> str:
    """The name of the Auto Scaling group, which the launch template and the instance profile share."""
    return nodegroup["resources"]["autoScalingGroups"][0]["name"]


def auto_scaling_group(eks: Eks, nodegroup: Document) -> FakeAutoScalingGroup:
    """The node group's Auto Scaling group."""
    return eks.autoscaling.autoscaling_groups[group_name(nodegroup)]


def own_template(eks: Eks, nodegroup: Document) -> LaunchTemplate:
    """The launch template that EKS keeps for the group: the user's, with what EKS adds."""
    return eks.ec2.get_launch_template_by_name(group_name(nodegroup))


def node_tags(nodegroup: Document) -> dict[str, str]:
    """The tags by which EKS, the node and the cloud controllers know its owner."""
    return {
        "eks:cluster-name": nodegroup["clusterName"],
        "eks:nodegroup-name": nodegroup["nodegroupName"],
        f"kubernetes.io/cluster/{nodegroup['clusterName']}": "owned",
    }


def propagated(tags: dict[str, str]) -> list[Any]:
    """Tags in the form of Auto Scaling, to be given to the group's instances too."""
    return [{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags.items()]


def launch_data(eks: Eks, cluster: Cluster, nodegroup: Document) -> dict[str, Any]:
    """EKS's own launch template: the user's template or disk size, with EKS's image, profile, group and tags."""
    reference = nodegroup.get("launchTemplate")
    user = template_data(eks, reference)
    tags = {
        spec["ResourceType"]: {tag["Key"]: tag["Value"] for tag in spec["Tags"]}
        for spec in user.get("TagSpecifications", [])
    }
    tags["instance"] = tags.get("instance", {}) | node_tags(nodegroup)
    disk = {"DeviceName": ROOT_DEVICE, "Ebs": {"VolumeSize": nodegroup.get("diskSize"), "VolumeType": "gp2"}}
    return {
        "ImageId": image_id(eks, nodegroup),
        **({"InstanceType": nodegroup["instanceTypes"][0]} if nodegroup.get("instanceTypes") else {}),
        "SecurityGroupIds": [cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"]],
        "BlockDeviceMappings": [disk],
        **user,
        "IamInstanceProfile": {"Name": group_name(nodegroup)},
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in pairs.items()]}
            for kind, pairs in tags.items()
        ],
    }


def template_data(eks: Eks, reference: Document | None) -> dict[str, Any]:
    """What the user's launch template says in the version that is named; nothing without one."""
    return eks.ec2.get_launch_template(reference["id"]).get_version(reference["version"]).data if reference else {}


def image_id(eks: Eks, nodegroup: Document) -> str:
    """The image for the node group's architecture."""
    architecture = "arm64" if "ARM_64" in nodegroup["amiType"] else "x86_64"
    return launch.image_named(eks.ec2, f"{launch.NODE_IMAGES}al2023-{architecture}-standard").id


def run_instance(eks: Eks, nodegroup: Document, group: FakeAutoScalingGroup) -> None:
    """Run one instance from EKS's own launch template, in the subnet of the group that has the fewest."""
    subnets = [state.instance.subnet_id for state in group.instance_states]
    template = own_template(eks, nodegroup)
    reservation = eks.ec2.run_instances(
        None,
        1,
        None,
        [],
        is_instance_type_default=True,
        region_name=eks.region_name,
        subnet_id=min(nodegroup["subnets"], key=subnets.count),
        launch_template={"LaunchTemplateId": template.id, "Version": template.latest_version_number},
        instance_market_options="spot" if nodegroup["capacityType"] == "SPOT" else None,
        tags={"instance": group.get_propagated_tags() | {"aws:autoscaling:groupName": group.name}},
    )
    group.instance_states.append(InstanceState(reservation.instances[0], autoscaling_group=group))


def terminate(eks: Eks, group: FakeAutoScalingGroup, count: int) -> None:
    """Terminate the oldest instances of a group."""
    doomed = group.instance_states[: max(count, 0)]
    if doomed:
        eks.ec2.terminate_instances([state.instance.id for state in doomed])
        group.instance_states = group.instance_states[len(doomed) :]
