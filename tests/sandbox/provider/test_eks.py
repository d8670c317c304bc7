from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from infra.contract.versions import ADDONS
from sandbox.provider.eks import ROWS
from sandbox.provider.iam import ROLE
from sandbox.provider.instances import LAUNCH_TEMPLATE
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated, vpc_with_subnets
from tests.sandbox.provider.test_iam import trust

if TYPE_CHECKING:
    from tests.sandbox.provider.driver import Driver

CLUSTER, ENTRY, POLICY_ASSOCIATION, NODES, ADDON, POD_IDENTITY = (row.type for row in ROWS)


def role_arn(aws: Driver, service: str) -> str:
    arn: str = aws.create(ROLE.type, "role", {"assumeRolePolicy": trust(service)})["arn"]
    return arn


def cluster_inputs(aws: Driver, subnets: list[str]) -> dict[str, Any]:
    return {
        "name": f"staging-{secrets.token_hex(4)}",
        "version": "1.36",
        "roleArn": role_arn(aws, "eks.amazonaws.com"),
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        "bootstrapSelfManagedAddons": False,
        "enabledClusterLogTypes": ["api", "audit"],
        "upgradePolicy": {"supportType": "STANDARD"},
        "deletionProtection": False,
        "vpcConfig": {
            "subnetIds": subnets,
            "endpointPrivateAccess": True,
            "endpointPublicAccess": True,
            "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "tags": {"Name": "staging"},
    }


@dataclass(frozen=True)
class Cluster:
    name: str
    subnets: list[str]


@pytest.fixture(scope="module")
def cluster(aws: Driver) -> Cluster:
    """A cluster for the tests of what lives in one."""
    _, subnets = vpc_with_subnets(aws)
    inputs = cluster_inputs(aws, subnets)
    return Cluster(aws.create(CLUSTER, "main", inputs).id, subnets)


def test_cluster(aws: Driver) -> None:
    _, subnets = vpc_with_subnets(aws, "abc")
    inputs = cluster_inputs(aws, subnets[:2])
    cluster = made(aws, CLUSTER, "main", inputs)
    assert cluster.id == cluster["name"] == inputs["name"]
    assert cluster["identities"][0]["oidcs"][0]["issuer"].startswith("https://oidc.eks.eu-west-2.amazonaws.com/id/")
    assert cluster["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")
    assert cluster["certificateAuthority"]["data"]
    assert cluster["endpoint"].startswith("https://")
    found = aws.import_(CLUSTER, "main", cluster.id)
    assert found is not None
    assert found["vpcConfig"] == cluster["vpcConfig"]

    def vpc_config(**other: Any) -> dict[str, Any]:
        return {"vpcConfig": inputs["vpcConfig"] | other}

    without_logs = {name: each for name, each in inputs.items() if name != "enabledClusterLogTypes"}
    cluster = updated(
        aws,
        cluster,
        Update(inputs | {"enabledClusterLogTypes": ["audit", "scheduler"]}, {"enabledClusterLogTypes"}),
        Update(without_logs, {"enabledClusterLogTypes"}),
        Update(
            inputs | vpc_config(publicAccessCidrs=["198.51.100.0/24"]),
            {"enabledClusterLogTypes", "vpcConfig.publicAccessCidrs"},
        ),
        Update(
            inputs | vpc_config(endpointPublicAccess=False),
            {"vpcConfig.publicAccessCidrs", "vpcConfig.endpointPublicAccess"},
        ),
        Update(inputs | {"deletionProtection": True}, {"deletionProtection", "vpcConfig.endpointPublicAccess"}),
        Update(
            inputs | {"upgradePolicy": {"supportType": "EXTENDED"}}, {"deletionProtection", "upgradePolicy.supportType"}
        ),
        Update(inputs | {"tags": {"Name": "other"}}, {"upgradePolicy.supportType", "tags.Name"}),
    )
    assert cluster["vpcConfig"]["subnetIds"] == subnets[:2]
    gone(aws, cluster)


@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        ({"roleArn": "arn:aws:iam::123456789012:role/other"}, "roleArn"),
        ({"name": "other"}, "name"),
        ({"bootstrapSelfManagedAddons": True}, "bootstrapSelfManagedAddons"),
        (
            {"accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True}},
            "accessConfig",
        ),
    ],
)
def test_a_replaced_cluster_is_deleted_first_since_its_name_is_given(
    aws: Driver, change: dict[str, Any], replaced: str
) -> None:
    _, subnets = vpc_with_subnets(aws)
    inputs = cluster_inputs(aws, subnets)
    cluster = aws.create(CLUSTER, "main", inputs)
    differ = aws.diff(cluster, inputs | change)
    assert (differ.replaces, differ.delete_before_replace) == ([replaced], True)


def test_access_entry_and_its_policy(aws: Driver, cluster: Cluster) -> None:
    principal = role_arn(aws, "ec2.amazonaws.com")
    entry_inputs = {"clusterName": cluster.name, "principalArn": principal, "tags": {"a": "b"}}
    entry = made(aws, ENTRY, "admin", entry_inputs)
    assert entry.id == f"{cluster.name}:{principal}"
    assert entry["type"] == "STANDARD"
    imported(aws, entry, entry_inputs)
    entry = updated(
        aws,
        entry,
        Update(entry_inputs | {"tags": {"a": "c"}}, {"tags.a"}),
        Update(entry_inputs | {"kubernetesGroups": ["viewers"]}, {"tags.a", "kubernetesGroups"}),
    )
    assert aws.diff(entry, entry_inputs | {"type": "EC2_LINUX"}).replaces == ["type"]

    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    inputs = {
        "clusterName": cluster.name,
        "principalArn": principal,
        "policyArn": policy,
        "accessScope": {"type": "cluster"},
    }
    association = made(aws, POLICY_ASSOCIATION, "admin", inputs)
    assert association.id == f"{cluster.name}#{principal}#{policy}"
    imported(aws, association, inputs)
    narrower = inputs | {"accessScope": {"type": "namespace", "namespaces": ["default"]}}
    assert aws.diff(association, narrower).replaces == ["accessScope"]
    gone(aws, association)
    gone(aws, entry)


def template_inputs(hops: int) -> dict[str, Any]:
    return {
        "updateDefaultVersion": True,
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": hops},
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 20, "volumeType": "gp3"}}],
    }


def test_node_group(aws: Driver, cluster: Cluster) -> None:
    launch = aws.create(LAUNCH_TEMPLATE.type, "nodes", template_inputs(1))
    inputs: dict[str, Any] = {
        "clusterName": cluster.name,
        "nodeGroupNamePrefix": "work-",
        "nodeRoleArn": role_arn(aws, "ec2.amazonaws.com"),
        "subnetIds": cluster.subnets,
        "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
        "updateConfig": {"maxUnavailable": 1, "updateStrategy": "DEFAULT"},
        "nodeRepairConfig": {"enabled": True},
        "capacityType": "SPOT",
        "instanceTypes": ["m7i.large", "m6i.large"],
        "amiType": "AL2023_x86_64_STANDARD",
        "version": "1.36",
        "launchTemplate": {"id": launch.id, "version": "1"},
        "labels": {"pool": "work"},
        "tags": {"Name": "work"},
    }
    group = made(aws, NODES, "work", inputs)
    assert group["nodeGroupName"].startswith("work-")
    assert group.id == f"{cluster.name}:{group['nodeGroupName']}"
    assert group["resources"][0]["autoscalingGroups"][0]["name"]
    aws.update(launch, template_inputs(2))
    group = updated(
        aws,
        group,
        Update(
            inputs | {"scalingConfig": {"minSize": 1, "desiredSize": 3, "maxSize": 4}},
            {"scalingConfig.desiredSize", "scalingConfig.maxSize"},
            {"scalingConfig": {"minSize": 1, "desiredSize": 3, "maxSize": 4}},
        ),
        Update(
            inputs | {"labels": {"tier": "one"}},
            {"scalingConfig.desiredSize", "scalingConfig.maxSize", "labels.pool", "labels.tier"},
            {"labels": {"tier": "one"}},
        ),
        Update(
            inputs | {"launchTemplate": {"id": launch.id, "version": "2"}},
            {"launchTemplate.version", "labels.pool", "labels.tier"},
        ),
        Update(inputs | {"launchTemplate": {"id": launch.id, "version": "2"}, "tags": {}}, {"tags"}),
    )
    latest = inputs | {"launchTemplate": {"id": launch.id, "version": "2"}, "tags": {}}
    assert aws.diff(group, latest | {"amiType": "AL2023_ARM_64_STANDARD"}).replaces == ["amiType"]
    assert aws.diff(group, latest | {"launchTemplate": {"id": "lt-2", "version": "2"}}).replaces == ["launchTemplate"]
    renamed = aws.diff(group, latest | {"nodeGroupNamePrefix": "rest-"})
    assert set(renamed.replaces) == {"nodeGroupNamePrefix", "nodeGroupName"}
    assert not renamed.delete_before_replace
    gone(aws, group)


def test_addon(aws: Driver, cluster: Cluster) -> None:
    older, newer = ADDONS["vpc-cni"].versions[:2]
    inputs = {
        "clusterName": cluster.name,
        "addonName": "vpc-cni",
        "addonVersion": older,
        "configurationValues": json.dumps({"enableNetworkPolicy": "true"}),
        "serviceAccountRoleArn": role_arn(aws, "eks.amazonaws.com"),
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "PRESERVE",
        "tags": {"a": "b"},
    }
    addon = made(aws, ADDON, "cni", inputs)
    assert addon.id == f"{cluster.name}:vpc-cni"
    hidden = {"resolveConflictsOnCreate", "resolveConflictsOnUpdate"}
    imported(aws, addon, {name: each for name, each in inputs.items() if name not in hidden})
    laid_out = json.dumps({"enableNetworkPolicy": "true"}, indent=2)
    assert aws.diff(addon, inputs | {"configurationValues": laid_out}).kinds == {}
    addon = updated(
        aws,
        addon,
        Update(inputs | {"addonVersion": newer}, {"addonVersion"}, {"addonVersion": newer}),
        Update(
            inputs | {"configurationValues": json.dumps({"env": {"ENABLE_PREFIX_DELEGATION": "true"}})},
            {"addonVersion", "configurationValues"},
        ),
        Update(inputs | {"tags": {"c": "d"}}, {"configurationValues", "tags.a", "tags.c"}),
    )
    assert aws.diff(addon, inputs | {"addonName": "coredns"}).replaces == ["addonName"]
    gone(aws, addon)


def test_pod_identity_association(aws: Driver, cluster: Cluster) -> None:
    inputs = {
        "clusterName": cluster.name,
        "namespace": "flux-system",
        "serviceAccount": "image-reflector-controller",
        "roleArn": role_arn(aws, "pods.eks.amazonaws.com"),
        "tags": {"a": "b"},
    }
    association = made(aws, POD_IDENTITY, "images", inputs)
    assert association.id == association["associationId"]
    imported(aws, association, inputs, resource_id=f"{cluster.name},{association.id}")
    other = role_arn(aws, "pods.eks.amazonaws.com")
    association = updated(aws, association, Update(inputs | {"roleArn": other}, {"roleArn"}, {"roleArn": other}))
    assert aws.diff(association, inputs | {"namespace": "other"}).replaces == ["namespace"]
    gone(aws, association)
