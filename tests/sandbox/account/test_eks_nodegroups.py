from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.account.aws import Aws, refused, tags, unique


def test_a_node_group_is_described_as_it_was_asked_for(aws: Aws) -> None:
    cluster, template = aws.cluster(), aws.launch_template()
    created = aws.nodegroup(
        cluster,
        launchTemplate={"id": template["LaunchTemplateId"], "version": "1"},
        updateConfig={"maxUnavailable": 2},
        nodeRepairConfig={"enabled": True},
        capacityType="SPOT",
        instanceTypes=["t3.large", "t3a.large"],
        amiType="AL2023_x86_64_STANDARD",
        labels={"pool": "general"},
        tags={"team": "platform"},
    )
    named = {"clusterName": cluster["name"], "nodegroupName": created["nodegroupName"]}
    nodegroup = aws.eks.describe_nodegroup(**named)["nodegroup"]

    assert nodegroup == created
    assert nodegroup["status"] == "ACTIVE"
    assert nodegroup["launchTemplate"] == {
        "id": template["LaunchTemplateId"],
        "name": template["LaunchTemplateName"],
        "version": "1",
    }
    assert nodegroup["updateConfig"] == {"maxUnavailable": 2, "updateStrategy": "DEFAULT"}
    assert nodegroup["nodeRepairConfig"] == {"enabled": True}
    assert (nodegroup["version"], nodegroup["releaseVersion"]) == ("1.36", "1.36.4-20261003")
    assert (nodegroup["capacityType"], nodegroup["instanceTypes"]) == ("SPOT", ["t3.large", "t3a.large"])
    assert (nodegroup["labels"], nodegroup["tags"]) == ({"pool": "general"}, {"team": "platform"})
    assert nodegroup.keys().isdisjoint({"diskSize", "remoteAccess", "taints"})
    assert "remoteAccessSecurityGroup" not in nodegroup["resources"]


def test_nodes_are_real_instances_spread_over_the_subnets(aws: Aws) -> None:
    cluster, template = aws.cluster(), aws.launch_template()
    nodegroup = aws.nodegroup(
        cluster,
        launchTemplate={"id": template["LaunchTemplateId"], "version": "1"},
        instanceTypes=["t3.large"],
        capacityType="SPOT",
    )
    nodes = aws.nodes(nodegroup)

    assert {node["SubnetId"] for node in nodes} == set(cluster["resourcesVpcConfig"]["subnetIds"])
    for node in nodes:
        assert (node["InstanceType"], node["InstanceLifecycle"]) == ("t3.large", "spot")
        assert node["MetadataOptions"]["HttpTokens"] == "required"
        assert node["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert node["IamInstanceProfile"]["Arn"].startswith("arn:aws:iam::111122223333:instance-profile/eks-")
        groups = [group["GroupId"] for group in node["SecurityGroups"]]
        assert groups == [cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]]
        assert (
            tags(node).items()
            >= {
                "eks:cluster-name": cluster["name"],
                "eks:nodegroup-name": nodegroup["nodegroupName"],
                f"kubernetes.io/cluster/{cluster['name']}": "owned",
                "team": "platform",
            }.items()
        )
        (mapping,) = node["BlockDeviceMappings"]
        (volume,) = aws.ec2.describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"]
        assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (40, "gp3", True)
        assert tags(volume) == {"team": "storage"}


def test_nodes_belong_to_the_auto_scaling_group_that_the_node_group_names(aws: Aws) -> None:
    nodegroup = aws.nodegroup(aws.cluster())
    (named,) = nodegroup["resources"]["autoScalingGroups"]
    answer = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[named["name"]])
    (group,) = answer["AutoScalingGroups"]

    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (1, 2, 3)
    assert {one["InstanceId"] for one in group["Instances"]} == {node["InstanceId"] for node in aws.nodes(nodegroup)}


def test_the_image_is_of_the_architecture_that_the_ami_type_names(aws: Aws) -> None:
    cluster = aws.cluster()
    for ami_type, architecture in (("AL2023_ARM_64_STANDARD", "arm64"), ("AL2023_x86_64_STANDARD", "x86_64")):
        (node, *_) = aws.nodes(aws.nodegroup(cluster, amiType=ami_type))
        assert node["Architecture"] == architecture


def test_a_node_group_without_a_template_has_a_disk_of_its_own_size(aws: Aws) -> None:
    nodegroup = aws.nodegroup(aws.cluster(), diskSize=50)
    assert nodegroup["diskSize"] == 50
    assert "launchTemplate" not in nodegroup
    (node, *_) = aws.nodes(nodegroup)
    (volume,) = aws.ec2.describe_volumes(VolumeIds=[node["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"]
    assert volume["Size"] == 50


@pytest.mark.parametrize(
    ("mappings", "sizes"),
    [
        (None, {"/dev/xvda": 20}),
        ([{"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp3"}}], {"/dev/xvda": 20}),
        ([{"DeviceName": "/dev/xvda"}], {"/dev/xvda": 20}),
        ([{"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 5}}], {"/dev/xvda": 20, "/dev/xvdb": 5}),
    ],
)
def test_a_template_that_does_not_size_the_disk_leaves_that_to_the_image(
    aws: Aws, mappings: list[dict[str, Any]] | None, sizes: dict[str, int]
) -> None:
    data = {"MetadataOptions": {"HttpTokens": "required"}} | ({"BlockDeviceMappings": mappings} if mappings else {})
    template = aws.ec2.create_launch_template(LaunchTemplateName=unique("template"), LaunchTemplateData=data)
    reference = {"id": template["LaunchTemplate"]["LaunchTemplateId"], "version": "1"}
    (node, *_) = aws.nodes(aws.nodegroup(aws.cluster(), launchTemplate=reference))
    found: dict[str, int] = {}
    for mapping in node["BlockDeviceMappings"]:
        (volume,) = aws.ec2.describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"]
        found[mapping["DeviceName"]] = volume["Size"]
    assert found == sizes


def test_a_deleted_node_group_leaves_nothing(aws: Aws) -> None:
    cluster, template, role = aws.cluster(), aws.launch_template(), aws.role("ec2.amazonaws.com")
    before = aws.census()
    nodegroup = aws.nodegroup(
        cluster, nodeRole=role, launchTemplate={"id": template["LaunchTemplateId"], "version": "1"}
    )
    named = {"clusterName": cluster["name"], "nodegroupName": nodegroup["nodegroupName"]}
    with refused("DeleteConflict"):
        aws.remove_role(role)

    assert aws.eks.delete_nodegroup(**named)["nodegroup"]["status"] == "DELETING"

    assert aws.nodes(nodegroup) == []
    assert aws.census() == before
    with refused("ResourceNotFoundException", "No node group found for name"):
        aws.eks.describe_nodegroup(**named)
    aws.remove_role(role)


def test_nodes_follow_the_desired_size(aws: Aws) -> None:
    cluster = aws.cluster()
    nodegroup = aws.nodegroup(cluster, updateConfig={"maxUnavailable": 2})
    named = {"clusterName": cluster["name"], "nodegroupName": nodegroup["nodegroupName"]}

    for size in (3, 1):
        update = aws.eks.update_nodegroup_config(**named, scalingConfig={"desiredSize": size})["update"]
        assert (update["type"], update["status"]) == ("ConfigUpdate", "Successful")
        assert {"type": "DesiredSize", "value": str(size)} in update["params"]
        assert len(aws.nodes(nodegroup)) == size

    after = aws.eks.describe_nodegroup(**named)["nodegroup"]
    assert after["scalingConfig"] == {"minSize": 1, "desiredSize": 1, "maxSize": 3}
    assert after["updateConfig"] == {"maxUnavailable": 2, "updateStrategy": "DEFAULT"}
    group = cluster["name"], nodegroup["nodegroupName"]
    updates = aws.eks.list_updates(name=group[0], nodegroupName=group[1])["updateIds"]
    assert update["id"] in updates
    found = aws.eks.describe_update(name=group[0], nodegroupName=group[1], updateId=update["id"])
    assert found["update"] == update


def test_labels_and_taints_are_added_changed_and_removed(aws: Aws) -> None:
    cluster = aws.cluster()
    nodegroup = aws.nodegroup(
        cluster,
        labels={"stay": "1", "go": "1"},
        taints=[{"key": "go", "value": "1", "effect": "NO_SCHEDULE"}],
    )
    named = {"clusterName": cluster["name"], "nodegroupName": nodegroup["nodegroupName"]}
    aws.eks.update_nodegroup_config(
        **named,
        labels={"addOrUpdateLabels": {"stay": "2", "new": "1"}, "removeLabels": ["go"]},
        taints={
            "addOrUpdateTaints": [{"key": "new", "value": "1", "effect": "NO_EXECUTE"}],
            "removeTaints": [{"key": "go", "effect": "NO_SCHEDULE"}],
        },
        nodeRepairConfig={"enabled": True},
    )
    after = aws.eks.describe_nodegroup(**named)["nodegroup"]

    assert after["labels"] == {"stay": "2", "new": "1"}
    assert after["taints"] == [{"key": "new", "value": "1", "effect": "NO_EXECUTE"}]
    assert after["nodeRepairConfig"] == {"enabled": True}


def test_a_new_template_version_replaces_every_node(aws: Aws) -> None:
    cluster, template = aws.cluster(), aws.launch_template()
    reference = {"id": template["LaunchTemplateId"]}
    nodegroup = aws.nodegroup(cluster, launchTemplate=reference | {"version": "1"})
    old = {node["InstanceId"] for node in aws.nodes(nodegroup)}
    specification = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "other"}]}]
    aws.ec2.create_launch_template_version(
        LaunchTemplateId=template["LaunchTemplateId"], LaunchTemplateData={"TagSpecifications": specification}
    )
    named = {"clusterName": cluster["name"], "nodegroupName": nodegroup["nodegroupName"]}
    update = aws.eks.update_nodegroup_version(**named, launchTemplate=reference | {"version": "2"})["update"]
    nodes = aws.nodes(nodegroup)

    assert (update["type"], update["status"]) == ("VersionUpdate", "Successful")
    assert {"type": "LaunchTemplateVersion", "value": "2"} in update["params"]
    assert aws.eks.describe_nodegroup(**named)["nodegroup"]["launchTemplate"]["version"] == "2"
    assert len(nodes) == len(old)
    assert old.isdisjoint(node["InstanceId"] for node in nodes)
    assert {tags(node)["team"] for node in nodes} == {"other"}
    with refused("InvalidParameterException", "different launch template"):
        other = {"id": aws.launch_template()["LaunchTemplateId"], "version": "1"}
        aws.eks.update_nodegroup_version(**named, launchTemplate=other)


def test_nodes_are_upgraded_after_the_control_plane(aws: Aws) -> None:
    cluster = aws.cluster(version="1.35")
    nodegroup = aws.nodegroup(cluster)
    named = {"clusterName": cluster["name"], "nodegroupName": nodegroup["nodegroupName"]}
    assert nodegroup["version"] == "1.35"
    with refused("InvalidParameterException", "1.36 is above the version 1.35 of the cluster"):
        aws.eks.update_nodegroup_version(**named, version="1.36")

    aws.eks.update_cluster_version(name=cluster["name"], version="1.36")
    aws.eks.update_nodegroup_version(**named, version="1.36")

    after = aws.eks.describe_nodegroup(**named)["nodegroup"]
    assert (after["version"], after["releaseVersion"]) == ("1.36", "1.36.4-20261003")
    with refused("InvalidParameterException", "1.36 can't be rolled back to 1.35"):
        aws.eks.update_nodegroup_version(**named, version="1.35")


def test_nodes_are_at_most_three_minors_behind_the_control_plane(aws: Aws) -> None:
    cluster = aws.cluster(version="1.32")
    nodegroup = aws.nodegroup(cluster)
    named = {"clusterName": cluster["name"], "nodegroupName": nodegroup["nodegroupName"]}
    for minor in ("1.33", "1.34", "1.35"):
        aws.eks.update_cluster_version(name=cluster["name"], version=minor)
    with refused("InvalidRequestException", "more than 3 minor versions behind 1.36: update it first"):
        aws.eks.update_cluster_version(name=cluster["name"], version="1.36")

    aws.eks.update_nodegroup_version(**named, version="1.33")
    aws.eks.update_cluster_version(name=cluster["name"], version="1.36")

    with refused("InvalidParameterException", "1.32 is more than 3 minor versions behind the version 1.36"):
        aws.nodegroup(cluster, version="1.32")


def test_a_release_of_the_image_is_taken_if_it_is_of_the_nodes_minor(aws: Aws) -> None:
    cluster = aws.cluster()
    nodegroup = aws.nodegroup(cluster, releaseVersion="1.36.4-20260923")
    named = {"clusterName": cluster["name"], "nodegroupName": nodegroup["nodegroupName"]}
    assert nodegroup["releaseVersion"] == "1.36.4-20260923"
    for release in ("1.35.4-20261003", "1.36.4-20200101"):
        message = f"Requested release version {release} is not valid for kubernetes version 1.36."
        with refused("InvalidParameterException", message):
            aws.eks.update_nodegroup_version(**named, releaseVersion=release)
        with refused("InvalidParameterException", message):
            aws.nodegroup(cluster, releaseVersion=release)
    aws.eks.update_nodegroup_version(**named, releaseVersion="1.36.4-20261003")
    assert aws.eks.describe_nodegroup(**named)["nodegroup"]["releaseVersion"] == "1.36.4-20261003"


def test_an_instance_type_is_of_the_launch_template_or_of_the_group(aws: Aws) -> None:
    cluster, template = aws.cluster(), aws.launch_template(InstanceType="t3.large")
    reference = {"id": template["LaunchTemplateId"], "version": "1"}
    nodegroup = aws.nodegroup(cluster, launchTemplate=reference)
    assert "instanceTypes" not in nodegroup
    assert {node["InstanceType"] for node in aws.nodes(nodegroup)} == {"t3.large"}
    with refused("InvalidParameterException", "not within both"):
        aws.nodegroup(cluster, launchTemplate=reference, instanceTypes=["t3.large"])

    plain = aws.launch_template()["LaunchTemplateId"]
    typed = aws.nodegroup(cluster, launchTemplate={"id": plain, "version": "1"}, instanceTypes=["t3.large"])
    aws.ec2.create_launch_template_version(LaunchTemplateId=plain, LaunchTemplateData={"InstanceType": "t3.large"})
    with refused("InvalidParameterException", "not within both"):
        aws.eks.update_nodegroup_version(
            clusterName=cluster["name"],
            nodegroupName=typed["nodegroupName"],
            launchTemplate={"id": plain, "version": "2"},
        )


def test_cpu_credits_are_of_burstable_types_alone(aws: Aws) -> None:
    cluster = aws.cluster()
    unlimited = {"CreditSpecification": {"CpuCredits": "unlimited"}}
    for kind in ("t3.large", "t4g.large"):
        template = aws.launch_template(InstanceType=kind, **unlimited)["LaunchTemplateId"]
        aws.nodegroup(cluster, launchTemplate={"id": template, "version": "1"})
    template = aws.launch_template(**unlimited)["LaunchTemplateId"]
    with refused("InvalidRequestException", "The m5.large instance type does not support T2 Unlimited."):
        aws.nodegroup(cluster, launchTemplate={"id": template, "version": "1"}, instanceTypes=["m5.large"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scalingConfig": {"minSize": 3, "desiredSize": 3, "maxSize": 2}}, "minSize can't be greater than maxSize"),
        (
            {"scalingConfig": {"minSize": 2, "desiredSize": 1, "maxSize": 2}},
            "Minimum capacity 2 can't be greater than desired size 1",
        ),
        (
            {"scalingConfig": {"minSize": 1, "desiredSize": 3, "maxSize": 2}},
            "desiredSize can't be greater than maxSize",
        ),
        ({"subnets": ["subnet-0123456789abcdef0"]}, "does not exist"),
        ({"nodeRole": "arn:aws:iam::111122223333:role/nobody"}, "The role with name nobody cannot be found."),
        ({"version": "1.99"}, "unsupported Kubernetes version 1.99"),
    ],
)
def test_a_node_group_that_cannot_run_is_refused(aws: Aws, settings: dict[str, Any], message: str) -> None:
    cluster, role = aws.cluster(), aws.role("ec2.amazonaws.com")
    before = aws.census()
    with refused("InvalidParameterException", message):
        aws.nodegroup(cluster, **({"nodeRole": role} | settings))
    assert aws.census() == before


def test_a_node_group_that_ec2_refuses_to_launch_leaves_nothing(aws: Aws) -> None:
    cluster, role = aws.cluster(), aws.role("ec2.amazonaws.com")
    template = aws.launch_template(SecurityGroupIds=["sg-0123456789abcdef0"])["LaunchTemplateId"]
    before = aws.census()
    with refused("InvalidRequestException", "sg-0123456789abcdef0"):
        aws.nodegroup(cluster, nodeRole=role, launchTemplate={"id": template, "version": "1"})
    assert aws.census() == before


def test_a_node_role_must_trust_ec2(aws: Aws) -> None:
    role = aws.role("eks.amazonaws.com")
    with refused("InvalidParameterException", "Following required service principals [ec2.amazonaws.com]"):
        aws.nodegroup(aws.cluster(), nodeRole=role)


def test_a_launch_template_must_exist_and_holds_disk_and_remote_access(aws: Aws) -> None:
    cluster, template = aws.cluster(), aws.launch_template()
    known = {"id": template["LaunchTemplateId"], "version": "1"}
    for reference in ({"id": "lt-0123456789abcdef0"}, {"name": unique("none")}, known | {"version": "7"}):
        with refused("InvalidRequestException", "Launch template details can't be found"):
            aws.nodegroup(cluster, launchTemplate=reference)
    with refused("InvalidParameterException", "Disk size must be specified within the launch template."):
        aws.nodegroup(cluster, launchTemplate=known, diskSize=30)
    with refused("InvalidParameterException", "Remote access configuration cannot be specified"):
        aws.nodegroup(cluster, launchTemplate=known, remoteAccess={"ec2SshKey": "key"})


def test_a_node_group_name_is_taken_once_in_a_cluster(aws: Aws) -> None:
    cluster = aws.cluster()
    name = aws.nodegroup(cluster)["nodegroupName"]
    with refused("ResourceInUseException", f"NodeGroup already exists with name {name}"):
        aws.nodegroup(cluster, nodegroupName=name)
    assert aws.nodegroup(aws.cluster(), nodegroupName=name)["nodegroupName"] == name
    assert aws.eks.list_nodegroups(clusterName=cluster["name"])["nodegroups"] == [name]


def test_an_update_that_ec2_refuses_to_launch_changes_nothing(aws: Aws) -> None:
    cluster, template = aws.cluster(), aws.launch_template()
    reference = {"id": template["LaunchTemplateId"]}
    nodegroup = aws.nodegroup(cluster, launchTemplate=reference | {"version": "1"})
    named = {"clusterName": cluster["name"], "nodegroupName": nodegroup["nodegroupName"]}
    before = {node["InstanceId"] for node in aws.nodes(nodegroup)}
    aws.ec2.create_launch_template_version(
        LaunchTemplateId=template["LaunchTemplateId"], LaunchTemplateData={"SecurityGroupIds": ["sg-0123456789abcdef0"]}
    )
    with refused("InvalidRequestException", "sg-0123456789abcdef0"):
        aws.eks.update_nodegroup_version(**named, launchTemplate=reference | {"version": "2"})
    assert aws.eks.describe_nodegroup(**named)["nodegroup"]["launchTemplate"]["version"] == "1"
    assert {node["InstanceId"] for node in aws.nodes(nodegroup)} == before
