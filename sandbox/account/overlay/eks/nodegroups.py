"""Managed node groups.

Source of rules, defaults and messages: EKS API reference, operation of the same name; the service's own replies.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from moto.ec2.exceptions import EC2ClientError

from sandbox.account.overlay.eks import access, errors, nodes, status, updates, versions
from sandbox.account.overlay.eks.backend import given, page, trusts
from sandbox.account.overlay.eks.cluster import known_subnets
from sandbox.account.overlay.launch import NODE_ROOT_SIZE

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.account.overlay.eks.backend import Call, Cluster, Document, Eks, Operations

DEFAULT_SCALING = {"minSize": 1, "maxSize": 2, "desiredSize": 2}
DEFAULTS: Document = {
    "amiType": "AL2023_x86_64_STANDARD",
    "capacityType": "ON_DEMAND",
    "instanceTypes": ["t3.medium"],
    "updateConfig": {"maxUnavailable": 1},
    "nodeRepairConfig": {"enabled": False},
}
DEFAULT_STRATEGY = {"updateStrategy": "DEFAULT"}
"""What EKS adds to an update configuration that names no strategy (terraform-aws-eks, issue 3625)."""

AS_GIVEN = ("labels", "taints", "remoteAccess", *DEFAULTS)


def create_nodegroup(call: Call) -> Document:
    """CreateNodegroup."""
    eks, cluster, request = call.eks, call.cluster, call.request
    name, version = request["nodegroupName"], request.get("version") or cluster.document["version"]
    refuse_existing(cluster, name)
    refuse_unfit_version(cluster, version)
    refuse_unusable_role(eks, request["nodeRole"])
    known_subnets(eks, request["subnets"])
    scaling = DEFAULT_SCALING | request.get("scalingConfig", {})
    refuse_scaling(scaling)
    template = known_template(eks, request.get("launchTemplate"))
    refuse_settings_beside_template(request, template)
    refuse_type_beside_template(eks, request, template)
    versions.refuse_unknown_release(request.get("releaseVersion"), version)
    now, identity = datetime.now(UTC), str(uuid.uuid4())
    has_type = "InstanceType" in nodes.template_data(eks, template)
    nodegroup: Document = {
        **{member: value for member, value in DEFAULTS.items() if not (has_type and member == "instanceTypes")},
        **given(request, *AS_GIVEN),
        **({"launchTemplate": template} if template else {"diskSize": request.get("diskSize") or NODE_ROOT_SIZE}),
        "updateConfig": DEFAULT_STRATEGY | (request.get("updateConfig") or DEFAULTS["updateConfig"]),
        "nodegroupName": name,
        "nodegroupArn": eks.arn(f"nodegroup/{cluster.name}/{name}/{identity}"),
        "clusterName": cluster.name,
        "version": version,
        "releaseVersion": request.get("releaseVersion") or versions.ami_release(version),
        "nodeRole": request["nodeRole"],
        "subnets": request["subnets"],
        "scalingConfig": scaling,
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{identity}"}]},
        "health": {"issues": []},
        "createdAt": now,
        "modifiedAt": now,
        "tags": dict(request.get("tags", {})),
    }
    launch(eks, cluster, nodegroup)
    cluster.nodegroups[name] = nodegroup
    access.add_node_entry(eks, cluster, nodegroup["nodeRole"])
    return {"nodegroup": status.present(nodegroup)}


def launch(eks: Eks, cluster: Cluster, nodegroup: Document) -> None:
    """Make the group and run its instances; nothing is left when EC2 refuses to."""
    nodes.create(eks, cluster, nodegroup)
    try:
        with launching():
            nodes.scale(eks, nodegroup)
    except errors.EksError:
        nodes.delete(eks, nodegroup)
        raise


@contextmanager
def launching() -> Generator[None]:
    """EC2's refusal to run an instance as EKS tells it: InvalidRequestException."""
    try:
        yield
    except EC2ClientError as error:
        raise errors.invalid_request(f"You are not able to launch the nodes: {error.message}") from None


def describe_nodegroup(call: Call) -> Document:
    """DescribeNodegroup."""
    return {"nodegroup": status.present(known_nodegroup(call))}


def list_nodegroups(call: Call) -> Document:
    """ListNodegroups."""
    return page("nodegroups", list(call.cluster.nodegroups), call.request)


def update_nodegroup_config(call: Call) -> Document:
    """UpdateNodegroupConfig: what the request does not name stays; nodes follow the desired size."""
    nodegroup, request = known_nodegroup(call), call.request
    changes = given(request, "nodeRepairConfig")
    if "updateConfig" in request:
        kept = {"updateStrategy": nodegroup["updateConfig"]["updateStrategy"]}
        changes |= {"updateConfig": kept | request["updateConfig"]}
    changes |= {"scalingConfig": nodegroup["scalingConfig"] | request.get("scalingConfig", {})}
    refuse_scaling(changes["scalingConfig"])
    changes |= {"labels": changed_labels(nodegroup, request), "taints": changed_taints(nodegroup, request)}
    with launching():
        nodes.scale(call.eks, nodegroup | changes)
    nodegroup |= changes | {"modifiedAt": datetime.now(UTC)}
    return updates.record(call.cluster, "ConfigUpdate", params_of(request), nodegroup=nodegroup["nodegroupName"])


def changed_labels(nodegroup: Document, request: Document) -> dict[str, str]:
    """The labels after an update."""
    change = request.get("labels", {})
    labels = nodegroup.get("labels", {}) | change.get("addOrUpdateLabels", {})
    return {key: value for key, value in labels.items() if key not in change.get("removeLabels", [])}


def changed_taints(nodegroup: Document, request: Document) -> list[Document]:
    """The taints after an update: one is known by its key and effect."""

    def identity(taint: Document) -> tuple[str, str]:
        return taint["key"], taint["effect"]

    change = request.get("taints", {})
    taints = {identity(taint): taint for taint in nodegroup.get("taints", []) + change.get("addOrUpdateTaints", [])}
    removed = {identity(taint) for taint in change.get("removeTaints", [])}
    return [taint for key, taint in taints.items() if key not in removed]


def params_of(request: Document) -> dict[str, object]:
    """An update's parameters: sizes by themselves, all else by its member."""
    members = {key: value for key, value in request.items() if key not in ("clusterName", "nodegroupName")}
    scaling = members.pop("scalingConfig", {})
    return {name[0].upper() + name[1:]: value for name, value in (scaling | members).items()}


def update_nodegroup_version(call: Call) -> Document:
    """UpdateNodegroupVersion: a Kubernetes version, AMI release or launch template version; every node is replaced."""
    cluster, nodegroup, request = call.cluster, known_nodegroup(call), call.request
    version = request.get("version") or nodegroup["version"]
    refuse_unfit_version(cluster, version)
    refuse_step_back(nodegroup, version)
    template = known_template(call.eks, request.get("launchTemplate"))
    refuse_other_template(nodegroup, template)
    refuse_type_beside_template(call.eks, nodegroup, template)
    versions.refuse_unknown_release(request.get("releaseVersion"), version)
    changes = {
        "version": version,
        "releaseVersion": request.get("releaseVersion") or versions.ami_release(version),
        "modifiedAt": datetime.now(UTC),
        **({"launchTemplate": template} if template else {}),
    }
    with launching():
        nodes.replace(call.eks, cluster, nodegroup | changes)
    nodegroup |= changes
    params: dict[str, object] = {"Version": version, "ReleaseVersion": nodegroup["releaseVersion"]}
    params |= {"LaunchTemplateName": template["name"], "LaunchTemplateVersion": template["version"]} if template else {}
    return updates.record(cluster, "VersionUpdate", params, nodegroup=nodegroup["nodegroupName"])


def delete_nodegroup(call: Call) -> Document:
    """DeleteNodegroup: its instances, volumes and interfaces go with it, and its role's access entry with the last."""
    nodegroup = known_nodegroup(call)
    if not status.lingers(nodegroup):
        remove(call.eks, call.cluster, nodegroup)
    return {"nodegroup": status.deleted(nodegroup)}


def remove(eks: Eks, cluster: Cluster, nodegroup: Document) -> None:
    """It is gone, with all that it had."""
    nodes.delete(eks, nodegroup)
    del cluster.nodegroups[nodegroup["nodegroupName"]]
    access.remove_node_entry(cluster, nodegroup["nodeRole"])


def known_nodegroup(call: Call) -> Document:
    """The node group that the request names; ResourceNotFoundException."""
    cluster, name = call.cluster, call.request["nodegroupName"]
    if name not in cluster.nodegroups:
        raise errors.not_found(f"No node group found for name: {name}.", clusterName=cluster.name, nodegroupName=name)
    return cluster.nodegroups[name]


def known_template(eks: Eks, given_template: Document | None) -> Document | None:
    """The launch template with id, name and version; InvalidRequestException for one that is not there."""
    if not given_template:
        return None
    try:
        if "id" in given_template:
            template = eks.ec2.get_launch_template(given_template["id"])
        else:
            template = eks.ec2.get_launch_template_by_name(given_template["name"])
        version = template.get_version(given_template.get("version") or "$Default")
    except EC2ClientError as error:
        raise errors.invalid_request(f"Launch template details can't be found: {error.message}") from None
    return {"id": template.id, "name": template.name, "version": str(version.number)}


def refuse_existing(cluster: Cluster, name: str) -> None:
    """ResourceInUseException for a name that is taken."""
    if name in cluster.nodegroups:
        raise errors.in_use(
            f"NodeGroup already exists with name {name} and cluster name {cluster.name}",
            clusterName=cluster.name,
            nodegroupName=name,
        )


def refuse_unfit_version(cluster: Cluster, version: str) -> None:
    """InvalidParameterException for a Kubernetes version above the control plane's, or too far behind it.

    Source of the rule: Kubernetes version skew policy, kubelet; the words are our own.
    """
    versions.refuse_unsupported_minor(version)
    behind = versions.number(cluster.document["version"]) - versions.number(version)
    if not 0 <= behind <= versions.MOST_BEHIND:
        where = "above" if behind < 0 else f"more than {versions.MOST_BEHIND} minor versions behind"
        control_plane = f"the version {cluster.document['version']} of the cluster"
        raise errors.invalid_parameter(
            f"Nodegroup Kubernetes version {version} is {where} {control_plane}",
            clusterName=cluster.name,
        )


def refuse_step_back(nodegroup: Document, version: str) -> None:
    """InvalidParameterException for an earlier Kubernetes version (EKS API reference, UpdateNodegroupVersion)."""
    if versions.number(version) < versions.number(nodegroup["version"]):
        raise errors.invalid_parameter(
            f"Nodegroup Kubernetes version {nodegroup['version']} can't be rolled back to {version}",
            nodegroupName=nodegroup["nodegroupName"],
        )


def refuse_unusable_role(eks: Eks, arn: str) -> None:
    """InvalidParameterException for a node role that is not there or that EC2 may not assume."""
    role = eks.role(arn)
    if role is None:
        raise errors.invalid_parameter(f"The role with name {arn.rpartition('/')[2]} cannot be found.")
    if not trusts(role, "ec2.amazonaws.com"):
        raise errors.invalid_parameter(
            "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of "
            f"nodeRole {arn}"
        )


def refuse_scaling(scaling: Document) -> None:
    """InvalidParameterException for sizes that are not in order."""
    least, desired, most = scaling["minSize"], scaling["desiredSize"], scaling["maxSize"]
    if least > most:
        raise errors.invalid_parameter("minSize can't be greater than maxSize")
    if least > desired:
        raise errors.invalid_parameter(f"Minimum capacity {least} can't be greater than desired size {desired}")
    if desired > most:
        raise errors.invalid_parameter("desiredSize can't be greater than maxSize")


def refuse_settings_beside_template(request: Document, template: Document | None) -> None:
    """InvalidParameterException for what belongs into the launch template when there is one."""
    if template and request.get("diskSize"):
        raise errors.invalid_parameter("Disk size must be specified within the launch template.")
    if template and request.get("remoteAccess"):
        raise errors.invalid_parameter("Remote access configuration cannot be specified with a launch template.")


def refuse_type_beside_template(eks: Eks, settings: Document, template: Document | None) -> None:
    """InvalidParameterException for instance types in both (EKS user guide, "Customize managed nodes")."""
    if settings.get("instanceTypes") and "InstanceType" in nodes.template_data(eks, template):
        raise errors.invalid_parameter(
            "Instance types must be specified within the launch template or the node group, not within both."
        )


def refuse_other_template(nodegroup: Document, template: Document | None) -> None:
    """InvalidParameterException for a change of the launch template itself, of which only the version may change."""
    if template and template["id"] != nodegroup.get("launchTemplate", {}).get("id"):
        raise errors.invalid_parameter(
            "You cannot update the launch template of a node group to a different launch template",
            nodegroupName=nodegroup["nodegroupName"],
        )


OPERATIONS: Operations = {
    "CreateNodegroup": create_nodegroup,
    "DescribeNodegroup": describe_nodegroup,
    "ListNodegroups": list_nodegroups,
    "UpdateNodegroupConfig": update_nodegroup_config,
    "UpdateNodegroupVersion": update_nodegroup_version,
    "DeleteNodegroup": delete_nodegroup,
}
