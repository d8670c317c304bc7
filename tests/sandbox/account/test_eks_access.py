from __future__ import annotations

import pytest

from tests.sandbox.account.aws import Aws, refused, unique

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
NODE_USER = "system:node:{{EC2PrivateDNSName}}"


def test_an_entry_is_described_as_it_was_asked_for(aws: Aws) -> None:
    name, role = aws.cluster()["name"], aws.role("ec2.amazonaws.com", path="/team/")
    created = aws.eks.create_access_entry(clusterName=name, principalArn=role, tags={"team": "platform"})["accessEntry"]
    entry = aws.eks.describe_access_entry(clusterName=name, principalArn=role)["accessEntry"]

    assert entry == created
    assert (entry["type"], entry["kubernetesGroups"], entry["tags"]) == ("STANDARD", [], {"team": "platform"})
    short = role.rpartition("/")[2]
    assert entry["username"] == f"arn:aws:sts::111122223333:assumed-role/{short}/{{{{SessionName}}}}"
    assert entry["accessEntryArn"].startswith(
        f"arn:aws:eks:eu-west-2:111122223333:access-entry/{name}/role/111122223333/{short}/"
    )
    assert aws.eks.list_access_entries(clusterName=name)["accessEntries"] == [role]


def test_an_entry_needs_a_principal_that_exists(aws: Aws) -> None:
    name = aws.cluster()["name"]
    pathed = aws.role("ec2.amazonaws.com", path="/team/")
    user = aws.iam.create_user(UserName=unique("user"))["User"]["Arn"]
    for arn in (
        "arn:aws:iam::111122223333:role/nobody",
        "arn:aws:iam::111122223333:user/nobody",
        pathed.replace("/team/", "/"),
    ):
        with refused("InvalidParameterException", "The specified principalArn is invalid: invalid principal."):
            aws.eks.create_access_entry(clusterName=name, principalArn=arn)
    with refused("InvalidParameterException", "The principalArn parameter format is not valid"):
        aws.eks.create_access_entry(clusterName=name, principalArn="arn:aws:sts::111122223333:assumed-role/a/b")
    with refused("InvalidParameterException", "Service Linked Role"):
        arn = "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
        aws.eks.create_access_entry(clusterName=name, principalArn=arn)

    assert aws.eks.create_access_entry(clusterName=name, principalArn=user)["accessEntry"]["username"] == user


def test_a_principal_has_one_entry(aws: Aws) -> None:
    name, role = aws.cluster()["name"], aws.role("ec2.amazonaws.com")
    aws.eks.create_access_entry(clusterName=name, principalArn=role)
    with refused("ResourceInUseException", "The specified access entry resource is already in use on this cluster."):
        aws.eks.create_access_entry(clusterName=name, principalArn=role)


def test_an_entry_is_updated_and_deleted(aws: Aws) -> None:
    name, role = aws.cluster()["name"], aws.role("ec2.amazonaws.com")
    before = aws.census()
    aws.eks.create_access_entry(clusterName=name, principalArn=role, username="someone")
    entry = aws.eks.update_access_entry(clusterName=name, principalArn=role, kubernetesGroups=["viewers"])[
        "accessEntry"
    ]
    assert (entry["username"], entry["kubernetesGroups"]) == ("someone", ["viewers"])

    aws.eks.delete_access_entry(clusterName=name, principalArn=role)

    assert aws.census() == before
    with refused("ResourceNotFoundException", "The specified principalArn could not be found."):
        aws.eks.describe_access_entry(clusterName=name, principalArn=role)


def test_a_policy_is_associated_listed_and_disassociated(aws: Aws) -> None:
    name, role = aws.cluster()["name"], aws.role("ec2.amazonaws.com")
    aws.eks.create_access_entry(clusterName=name, principalArn=role)
    named = {"clusterName": name, "principalArn": role}

    answer = aws.eks.associate_access_policy(**named, policyArn=ADMIN, accessScope={"type": "cluster"})
    assert answer["associatedAccessPolicy"]["policyArn"] == ADMIN
    scope = {"type": "namespace", "namespaces": ["default"]}
    aws.eks.associate_access_policy(**named, policyArn=VIEW, accessScope=scope)
    listed = aws.eks.list_associated_access_policies(**named)["associatedAccessPolicies"]
    assert {one["policyArn"]: one["accessScope"] for one in listed} == {
        ADMIN: {"type": "cluster", "namespaces": []},
        VIEW: scope,
    }
    assert aws.eks.list_access_entries(clusterName=name, associatedPolicyArn=VIEW)["accessEntries"] == [role]

    aws.eks.disassociate_access_policy(**named, policyArn=VIEW)
    listed = aws.eks.list_associated_access_policies(**named)["associatedAccessPolicies"]
    assert [one["policyArn"] for one in listed] == [ADMIN]
    with refused("ResourceNotFoundException"):
        aws.eks.disassociate_access_policy(**named, policyArn=VIEW)


def test_a_policy_needs_an_entry_and_must_exist(aws: Aws) -> None:
    name, role = aws.cluster()["name"], aws.role("ec2.amazonaws.com")
    named = {"clusterName": name, "principalArn": role}
    with refused("ResourceNotFoundException", "The specified principalArn could not be found."):
        aws.eks.associate_access_policy(**named, policyArn=ADMIN, accessScope={"type": "cluster"})
    aws.eks.create_access_entry(**named)
    with refused("ResourceNotFoundException", "The specified policyArn could not be found."):
        aws.eks.associate_access_policy(**named, policyArn=f"{ADMIN}s", accessScope={"type": "cluster"})
    assert ADMIN in {policy["arn"] for policy in aws.eks.list_access_policies()["accessPolicies"]}


def test_a_cluster_that_authenticates_by_config_map_has_no_entries(aws: Aws) -> None:
    name = aws.cluster(
        accessConfig={"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": False}
    )["name"]
    with refused("InvalidRequestException", "must be set to one of [API, API_AND_CONFIG_MAP]"):
        aws.eks.create_access_entry(clusterName=name, principalArn=aws.role("ec2.amazonaws.com"))


def test_eks_makes_the_entry_of_a_node_role_and_removes_it_with_the_last_node_group(aws: Aws) -> None:
    cluster, role = aws.cluster(), aws.role("ec2.amazonaws.com")
    groups = [aws.nodegroup(cluster, nodeRole=role)["nodegroupName"] for _ in range(2)]
    entry = aws.eks.describe_access_entry(clusterName=cluster["name"], principalArn=role)["accessEntry"]

    assert (entry["type"], entry["username"], entry["kubernetesGroups"]) == ("EC2_LINUX", NODE_USER, ["system:nodes"])
    with refused("InvalidParameterException", 'a type of "STANDARD"'):
        aws.eks.update_access_entry(clusterName=cluster["name"], principalArn=role, username="someone")

    aws.eks.delete_nodegroup(clusterName=cluster["name"], nodegroupName=groups[0])
    assert aws.eks.list_access_entries(clusterName=cluster["name"])["accessEntries"] == [role]
    aws.eks.delete_nodegroup(clusterName=cluster["name"], nodegroupName=groups[1])
    assert aws.eks.list_access_entries(clusterName=cluster["name"])["accessEntries"] == []


@pytest.mark.parametrize("kind", ["EC2_LINUX", "STANDARD"])
def test_an_entry_that_someone_else_made_for_a_node_role_stays(aws: Aws, kind: str) -> None:
    cluster, role = aws.cluster(), aws.role("ec2.amazonaws.com")
    aws.eks.create_access_entry(clusterName=cluster["name"], principalArn=role, type=kind)
    group = aws.nodegroup(cluster, nodeRole=role)["nodegroupName"]
    aws.eks.delete_nodegroup(clusterName=cluster["name"], nodegroupName=group)

    entry = aws.eks.describe_access_entry(clusterName=cluster["name"], principalArn=role)["accessEntry"]
    assert entry["type"] == kind
