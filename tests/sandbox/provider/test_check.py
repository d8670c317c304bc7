"""What a preview refuses, where it says so, and what it lets pass because nobody can know yet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.provider.names import DEFAULTS
from sandbox.provider.values import UNKNOWN
from tests.sandbox.provider.driver import RefusedError

if TYPE_CHECKING:
    from tests.sandbox.provider.driver import Driver, Properties

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
NAT = "aws:ec2/natGateway:NatGateway"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
ROLE = "aws:iam/role:Role"
OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"

CLUSTER_INPUTS: Properties = {"name": "staging", "roleArn": UNKNOWN, "vpcConfig": {"subnetIds": [UNKNOWN, UNKNOWN]}}
NODES_INPUTS: Properties = {
    "clusterName": "staging",
    "nodeRoleArn": UNKNOWN,
    "subnetIds": [UNKNOWN],
    "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 1},
}
ADDON_INPUTS: Properties = {"clusterName": "staging", "addonName": "coredns"}


REFUSED: list[tuple[str, Properties, str, str]] = [
    (VPC, {"cidrBlok": "10.0.0.0/16", "cidrBlock": "10.0.0.0/16"}, "cidrBlok", "did you mean 'cidrBlock'?"),
    (VPC, {}, "cidrBlock", "is required"),
    (VPC, {"cidrBlock": "10.0.0.0/33"}, "cidrBlock", "'10.0.0.0/33' is not an IPv4 CIDR block"),
    (VPC, {"cidrBlock": "10.0.1.0/16"}, "cidrBlock", "has host bits set"),
    (VPC, {"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "a block between /16 and /28"),
    (
        VPC,
        {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": "maybe"},
        "enableDnsSupport",
        "'maybe' is not a boolean",
    ),
    (VPC, {"cidrBlock": "10.0.0.0/16", "tags": ["a"]}, "tags", "['a'] is not an object"),
    (SUBNET, {"cidrBlock": "10.0.0.0/24"}, "vpcId", "is required"),
    (NAT, {"allocationId": UNKNOWN}, "subnetId", "is required"),
    (NAT, {"subnetId": UNKNOWN, "connectivityType": "open"}, "connectivityType", "one of private, public"),
    (
        TEMPLATE,
        {"metadataOptions": {"httpTokens": "always"}},
        "metadataOptions.httpTokens",
        "'always' is not allowed: one of optional, required",
    ),
    (
        TEMPLATE,
        {"blockDeviceMappings": [{}, {"ebs": {"volumeType": "gp9"}}]},
        "blockDeviceMappings[1].ebs.volumeType",
        "'gp9' is not allowed",
    ),
    (
        TEMPLATE,
        {"blockDeviceMappings": [{"ebs": {"volumeTipe": "gp3"}}]},
        "blockDeviceMappings[0].ebs.volumeTipe",
        "one of encrypted, deleteOnTermination, volumeType, volumeSize",
    ),
    (
        TEMPLATE,
        {"tagSpecifications": [{"resourceType": "instances", "tags": {}}]},
        "tagSpecifications[0].resourceType",
        "'instances' is not allowed",
    ),
    (TEMPLATE, {"updateDefaultVersion": "yes"}, "updateDefaultVersion", "'yes' is not a boolean"),
    (
        DEFAULT_GROUP,
        {"vpcId": UNKNOWN, "ingress": [{"protocol": "-1"}]},
        "ingress",
        "keeps a default security group",
    ),
    (ROLE, {"assumeRolePolicy": "{}", "name": "r" * 65}, "name", "has 65 characters: at most 64 allowed"),
    (ROLE, {"assumeRolePolicy": "{}", "path": "no/slashes"}, "path", "it must match"),
    (ROLE, {"path": "/"}, "assumeRolePolicy", "is required"),
    (ROLE, {"assumeRolePolicy": "{}", "maxSessionDuration": 60}, "maxSessionDuration", "at least 3600 allowed"),
    (ROLE, {"assumeRolePolicy": "{}", "permissionsBoundary": "short"}, "permissionsBoundary", "at least 20"),
    (OIDC, {"url": "http://issuer", "clientIdLists": ["a"]}, "url", "an https:// address"),
    (OIDC, {"url": UNKNOWN}, "clientIdLists", "is required"),
    (
        CLUSTER,
        CLUSTER_INPUTS | {"accessConfig": {"authenticationMode": "API_ONLY"}},
        "accessConfig.authenticationMode",
        "'API_ONLY' is not allowed: one of API, API_AND_CONFIG_MAP, CONFIG_MAP",
    ),
    (CLUSTER, CLUSTER_INPUTS | {"enabledClusterLogTypes": ["apy"]}, "enabledClusterLogTypes", "'apy'"),
    (CLUSTER, CLUSTER_INPUTS | {"upgradePolicy": {"supportType": "LTS"}}, "upgradePolicy.supportType", "'LTS'"),
    (CLUSTER, CLUSTER_INPUTS | {"vpcConfig": {}}, "vpcConfig.subnetIds", "is required"),
    (
        CLUSTER,
        CLUSTER_INPUTS | {"vpcConfig": {"subnetIds": [UNKNOWN], "publicAccessCidrs": ["anywhere"]}},
        "vpcConfig.publicAccessCidrs",
        "'anywhere' is not an IPv4 CIDR block",
    ),
    (
        CLUSTER,
        CLUSTER_INPUTS | {"vpcConfig": {"subnetIds": [UNKNOWN], "vpcId": "vpc-1"}},
        "vpcConfig.vpcId",
        "has no property 'vpcId' here",
    ),
    (CLUSTER, {"name": "staging", "vpcConfig": {"subnetIds": [UNKNOWN]}}, "roleArn", "is required"),
    (CLUSTER, CLUSTER_INPUTS | {"name": "-staging"}, "name", "it must match"),
    (NODES, NODES_INPUTS | {"amiType": "AL2023"}, "amiType", "'AL2023' is not allowed: one of AL2_x86_64"),
    (NODES, NODES_INPUTS | {"capacityType": "spot"}, "capacityType", "one of ON_DEMAND, SPOT"),
    (NODES, NODES_INPUTS | {"instanceTypes": "m7i.large"}, "instanceTypes", "is not a list"),
    (
        NODES,
        NODES_INPUTS | {"scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 0}},
        "scalingConfig.maxSize",
        "0: at least 1 allowed",
    ),
    (
        NODES,
        NODES_INPUTS | {"scalingConfig": {"minSize": 1, "maxSize": 1}},
        "scalingConfig.desiredSize",
        "is required",
    ),
    (NODES, NODES_INPUTS | {"nodeGroupNamePrefix": "p" * 40}, "nodeGroupNamePrefix", "of the 63 allowed"),
    (
        NODES,
        NODES_INPUTS | {"nodeGroupName": "a", "nodeGroupNamePrefix": "b"},
        "nodeGroupNamePrefix",
        "conflicts with nodeGroupName",
    ),
    (NODES, NODES_INPUTS | {"subnetIds": None}, "subnetIds", "is required"),
    (ADDON, ADDON_INPUTS | {"resolveConflictsOnCreate": "PRESERVE"}, "resolveConflictsOnCreate", "one of NONE"),
    (ADDON, ADDON_INPUTS | {"resolveConflictsOnUpdate": "KEEP"}, "resolveConflictsOnUpdate", "one of NONE"),
    (ENTRY, {"clusterName": "c", "principalArn": UNKNOWN, "type": "STANDART"}, "type", "one of STANDARD"),
]


@pytest.mark.parametrize(("token", "inputs", "path", "reason"), REFUSED)
def test_a_preview_refuses_at_the_propertys_path(
    aws: Driver, token: str, inputs: Properties, path: str, reason: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        aws.preview(token, "resource", inputs)
    assert list(refused.value.failures) == [path]
    assert reason in refused.value.failures[path]


def test_every_fault_is_told_at_once(aws: Driver) -> None:
    wrong = {"amiType": "AL2023", "capacityType": "spot", "subnetIds": "one"}
    with pytest.raises(RefusedError) as refused:
        aws.preview(NODES, "nodes", NODES_INPUTS | wrong)
    assert set(refused.value.failures) == set(wrong)


@pytest.mark.parametrize(("token", "inputs"), [(CLUSTER, CLUSTER_INPUTS), (NODES, NODES_INPUTS)])
def test_unknown_inputs_pass(aws: Driver, token: str, inputs: Properties) -> None:
    foretold = aws.preview(token, "resource", inputs)
    assert foretold["arn"] is UNKNOWN
    everything_unknown = dict.fromkeys([*inputs, "version", "tags"], UNKNOWN)
    assert aws.preview(token, "resource", everything_unknown)["version"] is UNKNOWN


def test_a_preview_knows_what_is_given_and_not_what_aws_fills_in(aws: Driver) -> None:
    foretold = aws.preview(CLUSTER, "main", CLUSTER_INPUTS)
    assert foretold["name"] == "staging"
    assert foretold["endpoint"] is UNKNOWN
    assert foretold["vpcConfig"]["clusterSecurityGroupId"] is UNKNOWN
    assert foretold["vpcConfig"]["endpointPublicAccess"] is True
    assert DEFAULTS not in foretold


def test_default_tags_are_beneath_the_programs_own(aws: Driver) -> None:
    checked = aws.check(VPC, "main", {"cidrBlock": "10.0.0.0/16", "tags": {"environment": "mine", "a": UNKNOWN}})
    assert checked["tags"] == {"environment": "mine", "a": UNKNOWN}
    assert checked["tagsAll"] == {"environment": "mine", "a": UNKNOWN}
    assert aws.check(VPC, "main", {"cidrBlock": "10.0.0.0/16"})["tagsAll"] == {"environment": "test"}
    assert aws.check(VPC, "main", {"cidrBlock": "10.0.0.0/16", "tags": UNKNOWN})["tagsAll"] is UNKNOWN


def test_an_explicit_name_is_kept_and_an_automatic_one_stays_through_checks(aws: Driver) -> None:
    given = aws.check(ROLE, "role", {"assumeRolePolicy": "{}", "name": "mine"})
    assert (given["name"], given[DEFAULTS]) == ("mine", [])
    automatic = aws.check(ROLE, "role", {"assumeRolePolicy": "{}"})
    assert automatic[DEFAULTS] == ["name"]
    assert aws.check(ROLE, "role", {"assumeRolePolicy": "{}"}, automatic)["name"] == automatic["name"]


def test_booleans_that_the_sdk_writes_as_text_pass_either_way(aws: Driver) -> None:
    def checked(encrypted: Any) -> Any:
        mapping = {"deviceName": "/dev/xvda", "ebs": {"encrypted": encrypted}}
        return aws.check(TEMPLATE, "nodes", {"blockDeviceMappings": [mapping]})["blockDeviceMappings"][0]["ebs"]

    assert checked("true") == checked(encrypted=True) == {"encrypted": "true"}


def test_numbers_pass_where_the_api_has_text(aws: Driver) -> None:
    launch = {"launchTemplate": {"id": "lt-1", "version": 3}}
    assert aws.check(NODES, "nodes", NODES_INPUTS | launch)["launchTemplate"]["version"] == 3
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    with pytest.raises(RefusedError):
        aws.check(ROLE, "role", {"assumeRolePolicy": policy, "description": ["text"]})
