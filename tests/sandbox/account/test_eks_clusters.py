from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import jmespath
import pytest
from cryptography import x509

from infra.contract.versions import KUBERNETES
from sandbox.account.overlay.eks.versions import EXTENDED, OFFERED
from tests.sandbox.account.aws import Aws, Document, refused, tags, unique

if TYPE_CHECKING:
    from sandbox.account.process import Account


def test_a_cluster_is_described_as_it_was_asked_for(aws: Aws) -> None:
    network = aws.network()
    created = aws.cluster(
        resourcesVpcConfig={
            "subnetIds": list(network.subnets),
            "endpointPrivateAccess": True,
            "publicAccessCidrs": ["203.0.113.0/24"],
        },
        upgradePolicy={"supportType": "STANDARD"},
        deletionProtection=True,
        bootstrapSelfManagedAddons=False,
        logging={"clusterLogging": [{"types": ["audit", "api"], "enabled": True}]},
        tags={"team": "platform"},
    )
    cluster = aws.eks.describe_cluster(name=created["name"])["cluster"]

    assert created == cluster
    assert cluster["status"] == "ACTIVE"
    assert (cluster["version"], cluster["platformVersion"]) == ("1.36", "eks.14")
    assert cluster["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["deletionProtection"] is True
    assert cluster["tags"] == {"team": "platform"}
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "172.20.0.0/16"
    group = cluster["resourcesVpcConfig"].pop("clusterSecurityGroupId")
    assert cluster["resourcesVpcConfig"] == {
        "subnetIds": list(network.subnets),
        "securityGroupIds": [],
        "vpcId": network.vpc,
        "endpointPublicAccess": True,
        "endpointPrivateAccess": True,
        "publicAccessCidrs": ["203.0.113.0/24"],
    }
    assert cluster["logging"]["clusterLogging"] == [
        {"types": ["api", "audit"], "enabled": True},
        {"types": ["authenticator", "controllerManager", "scheduler"], "enabled": False},
    ]
    assert group.startswith("sg-")


def test_a_cluster_is_public_to_all_and_in_extended_support_unless_it_says_otherwise(aws: Aws) -> None:
    cluster = aws.cluster()

    assert cluster["resourcesVpcConfig"]["publicAccessCidrs"] == ["0.0.0.0/0"]
    assert cluster["resourcesVpcConfig"]["endpointPrivateAccess"] is False
    assert cluster["upgradePolicy"] == {"supportType": "EXTENDED"}
    assert cluster["deletionProtection"] is False
    assert [setup["enabled"] for setup in cluster["logging"]["clusterLogging"]] == [False]


def test_the_certificate_authority_is_a_real_certificate(aws: Aws) -> None:
    pem = base64.b64decode(aws.cluster()["certificateAuthority"]["data"])
    certificate = x509.load_pem_x509_certificate(pem)

    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    certificate.verify_directly_issued_by(certificate)


def test_every_cluster_has_an_endpoint_an_issuer_and_an_authority_of_its_own(aws: Aws) -> None:
    clusters = [aws.cluster() for _ in range(2)]

    for value in (
        {cluster["endpoint"] for cluster in clusters},
        {cluster["identity"]["oidc"]["issuer"] for cluster in clusters},
        {cluster["certificateAuthority"]["data"] for cluster in clusters},
    ):
        assert len(value) == len(clusters)
    assert clusters[0]["identity"]["oidc"]["issuer"].startswith("https://oidc.eks.eu-west-2.amazonaws.com/id/")


def test_a_cluster_has_a_security_group_that_goes_with_it(aws: Aws) -> None:
    network, role = aws.network(), aws.role("eks.amazonaws.com")
    before = aws.census()
    cluster = aws.cluster(resourcesVpcConfig={"subnetIds": list(network.subnets)}, roleArn=role)
    group_id = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    (group,) = aws.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]

    assert group["GroupName"].startswith(f"eks-cluster-sg-{cluster['name']}-")
    assert group["VpcId"] == network.vpc
    assert tags(group) == {
        "Name": group["GroupName"],
        f"kubernetes.io/cluster/{cluster['name']}": "owned",
        "aws:eks:cluster-name": cluster["name"],
    }
    (rule,) = group["IpPermissions"]
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [group_id]

    assert aws.eks.delete_cluster(name=cluster["name"])["cluster"]["name"] == cluster["name"]
    assert aws.census() == before


def test_the_creator_is_no_admin_unless_the_cluster_says_so(aws: Aws) -> None:
    closed, open_ = aws.cluster(), aws.cluster(accessConfig={"authenticationMode": "API"})

    assert aws.eks.list_access_entries(clusterName=closed["name"])["accessEntries"] == []
    (creator,) = aws.eks.list_access_entries(clusterName=open_["name"])["accessEntries"]
    policies = aws.eks.list_associated_access_policies(clusterName=open_["name"], principalArn=creator)
    (policy,) = policies["associatedAccessPolicies"]
    assert policy["policyArn"].endswith("/AmazonEKSClusterAdminPolicy")
    assert policy["accessScope"]["type"] == "cluster"


def test_a_name_is_taken_once(aws: Aws) -> None:
    name = aws.cluster()["name"]
    with refused("ResourceInUseException", f"Cluster already exists with name: {name}"):
        aws.cluster(name=name)


@pytest.mark.parametrize("version", ["1.99", "1.20"])
def test_a_version_that_eks_does_not_offer_is_refused(aws: Aws, version: str) -> None:
    with refused("InvalidParameterException", f"unsupported Kubernetes version {version}"):
        aws.cluster(version=version)


def test_a_role_that_eks_cannot_assume_is_refused(aws: Aws) -> None:
    for arn in ("arn:aws:iam::111122223333:role/nobody", aws.role("ec2.amazonaws.com")):
        with refused("InvalidParameterException", f"Role with arn: {arn}, could not be assumed"):
            aws.cluster(roleArn=arn)


def test_the_path_of_a_role_is_part_of_its_name(aws: Aws) -> None:
    arn = aws.role("eks.amazonaws.com", path="/infra-fleet/staging/")
    assert aws.cluster(roleArn=arn)["roleArn"] == arn
    with refused("InvalidParameterException", "could not be assumed"):
        aws.cluster(roleArn=arn.replace("/infra-fleet/staging/", "/"))


def test_subnets_that_are_missing_or_in_one_zone_are_refused(aws: Aws) -> None:
    network = aws.network("a", "a")
    with refused("InvalidParameterException", "Subnets specified must be in at least two different AZs"):
        aws.cluster(resourcesVpcConfig={"subnetIds": list(network.subnets)})
    with refused("InvalidParameterException", "The subnet ID 'subnet-0123456789abcdef0' does not exist"):
        aws.cluster(resourcesVpcConfig={"subnetIds": [network.subnets[0], "subnet-0123456789abcdef0"]})


def test_a_zone_without_room_for_a_control_plane_is_refused_and_others_are_named(account: Account) -> None:
    aws = Aws(account, "us-east-1")
    network = aws.network("a", "e")
    role = aws.role("eks.amazonaws.com")
    with refused("UnsupportedAvailabilityZoneException", "because us-east-1e, the targeted availability zone"):
        aws.cluster(roleArn=role, resourcesVpcConfig={"subnetIds": list(network.subnets)})
    aws.remove_network(network)


def test_the_support_of_a_version_is_told_and_an_unknown_one_is_left_out(aws: Aws) -> None:
    found = aws.eks.describe_cluster_versions(clusterVersions=["1.36", "1.99"])["clusterVersions"]
    (version,) = found
    assert version["clusterVersion"] == "1.36"
    assert version["endOfStandardSupportDate"].date() == KUBERNETES["1.36"].standard_support_until
    assert version["versionStatus"].lower().replace("_", "-") == version["status"]
    pages = aws.eks.get_paginator("describe_cluster_versions").paginate(PaginationConfig={"PageSize": 2})
    assert [each["clusterVersion"] for page in pages for each in page["clusterVersions"]] == list(OFFERED)
    (behind,) = aws.eks.describe_cluster_versions(clusterVersions=["1.33"])["clusterVersions"]
    assert behind["endOfStandardSupportDate"].date() == EXTENDED["1.33"]
    assert behind["endOfExtendedSupportDate"].date() == EXTENDED["1.33"].replace(year=2027)


def test_a_refused_cluster_leaves_nothing(aws: Aws) -> None:
    network, role = aws.network("a", "a"), aws.role("eks.amazonaws.com")
    before = aws.census()
    with refused("InvalidParameterException"):
        aws.cluster(resourcesVpcConfig={"subnetIds": list(network.subnets)}, roleArn=role)
    assert aws.census() == before


@pytest.mark.parametrize(
    ("change", "kind", "path", "value"),
    [
        (
            {"logging": {"clusterLogging": [{"types": ["audit"], "enabled": True}]}},
            "LoggingUpdate",
            "logging.clusterLogging[0]",
            {"types": ["audit"], "enabled": True},
        ),
        (
            {"resourcesVpcConfig": {"endpointPrivateAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}},
            "EndpointAccessUpdate",
            "resourcesVpcConfig.publicAccessCidrs",
            ["203.0.113.0/24"],
        ),
        (
            {"upgradePolicy": {"supportType": "STANDARD"}},
            "UpgradePolicyUpdate",
            "upgradePolicy",
            {"supportType": "STANDARD"},
        ),
        ({"deletionProtection": True}, "DeletionProtectionUpdate", "deletionProtection", True),
    ],
)
def test_an_update_returns_itself_and_changes_nothing_else(
    aws: Aws, change: Document, kind: str, path: str, value: Any
) -> None:
    before = aws.cluster()
    name = before["name"]
    update = aws.eks.update_cluster_config(name=name, **change)["update"]
    after = aws.eks.describe_cluster(name=name)["cluster"]

    assert (update["type"], update["status"], update["errors"]) == (kind, "Successful", [])
    assert aws.eks.describe_update(name=name, updateId=update["id"])["update"] == update
    assert aws.eks.list_updates(name=name)["updateIds"] == [update["id"]]
    assert jmespath.search(path, after) == value
    (member,) = change
    assert {key for key in after if after[key] != before[key]} == {member}
    if member == "resourcesVpcConfig":
        changed = change[member]
        assert after[member] == before[member] | changed


def test_logs_that_an_update_does_not_name_stay_as_they_are(aws: Aws) -> None:
    name = aws.cluster(logging={"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]})["name"]
    aws.eks.update_cluster_config(
        name=name,
        logging={
            "clusterLogging": [
                {"types": ["scheduler"], "enabled": True},
                {"types": ["api"], "enabled": False},
            ]
        },
    )
    logging = aws.eks.describe_cluster(name=name)["cluster"]["logging"]
    assert logging["clusterLogging"][0] == {"types": ["audit", "scheduler"], "enabled": True}


def test_an_update_is_of_one_kind_and_changes_something(aws: Aws) -> None:
    cluster = aws.cluster()
    name = cluster["name"]
    with refused("InvalidParameterException", "Only one type of update can be allowed."):
        aws.eks.update_cluster_config(name=name, deletionProtection=True, upgradePolicy={"supportType": "STANDARD"})
    with refused("InvalidParameterException", "Only one type of update can be allowed."):
        subnets = cluster["resourcesVpcConfig"]["subnetIds"]
        aws.eks.update_cluster_config(
            name=name, resourcesVpcConfig={"endpointPrivateAccess": True, "subnetIds": subnets}
        )
    with refused("InvalidParameterException", "already at the desired configuration"):
        aws.eks.update_cluster_config(name=name, resourcesVpcConfig={"endpointPublicAccess": True})
    with refused("InvalidParameterException", "Invalid type for cluster update"):
        aws.eks.update_cluster_config(name=name)


def test_the_authentication_mode_moves_forward_only(aws: Aws) -> None:
    name = aws.cluster(accessConfig={"authenticationMode": "CONFIG_MAP"})["name"]
    for mode in ("API_AND_CONFIG_MAP", "API"):
        update = aws.eks.update_cluster_config(name=name, accessConfig={"authenticationMode": mode})["update"]
        assert update["type"] == "AccessConfigUpdate"
    with refused("InvalidRequestException", "Unsupported authentication mode update from API to CONFIG_MAP"):
        aws.eks.update_cluster_config(name=name, accessConfig={"authenticationMode": "CONFIG_MAP"})


def test_a_cluster_is_upgraded_one_minor_at_a_time(aws: Aws) -> None:
    name = aws.cluster(version="1.34")["name"]
    with refused("InvalidParameterException", "Unsupported Kubernetes minor version update from 1.34 to 1.36"):
        aws.eks.update_cluster_version(name=name, version="1.36")

    update = aws.eks.update_cluster_version(name=name, version="1.35")["update"]

    assert update["type"] == "VersionUpdate"
    assert aws.eks.describe_cluster(name=name)["cluster"]["version"] == "1.35"
    with refused("InvalidParameterException", "Unsupported Kubernetes minor version update"):
        aws.eks.update_cluster_version(name=name, version="1.35")


def test_what_lives_in_a_cluster_dies_with_it(aws: Aws) -> None:
    network, role = aws.network(), aws.role("eks.amazonaws.com")
    pod_role, admin = aws.role("pods.eks.amazonaws.com"), aws.role("ec2.amazonaws.com")
    before = aws.census()
    name = aws.cluster(resourcesVpcConfig={"subnetIds": list(network.subnets)}, roleArn=role)["name"]
    aws.eks.create_addon(clusterName=name, addonName="coredns")
    aws.eks.create_access_entry(clusterName=name, principalArn=admin)
    aws.eks.create_pod_identity_association(
        clusterName=name, namespace="flux-system", serviceAccount="reader", roleArn=pod_role
    )

    aws.eks.delete_cluster(name=name)

    assert aws.census() == before
    for operation in (aws.eks.list_addons, aws.eks.list_access_entries, aws.eks.list_nodegroups):
        with refused("ResourceNotFoundException", f"No cluster found for name: {name}."):
            operation(clusterName=name)


def test_a_protected_cluster_is_deleted_only_once_that_is_lifted(aws: Aws) -> None:
    name = aws.cluster(deletionProtection=True)["name"]
    with refused("InvalidRequestException", f"Cluster {name} has deletion protection enabled"):
        aws.eks.delete_cluster(name=name)
    aws.eks.update_cluster_config(name=name, deletionProtection=False)
    aws.eks.delete_cluster(name=name)


def test_a_cluster_stays_in_its_vpc(aws: Aws) -> None:
    name, elsewhere = aws.cluster()["name"], aws.network()
    with refused("InvalidParameterException", "Subnets specified must belong to the VPC of the cluster, vpc-"):
        aws.eks.update_cluster_config(name=name, resourcesVpcConfig={"subnetIds": list(elsewhere.subnets)})


def test_a_cluster_with_node_groups_is_not_deleted(aws: Aws) -> None:
    cluster = aws.cluster()
    nodegroup = aws.nodegroup(cluster)
    with refused("ResourceInUseException", "Cluster has nodegroups attached"):
        aws.eks.delete_cluster(name=cluster["name"])

    aws.eks.delete_nodegroup(clusterName=cluster["name"], nodegroupName=nodegroup["nodegroupName"])
    aws.eks.delete_cluster(name=cluster["name"])


def test_a_cluster_that_is_not_there_is_not_found(aws: Aws) -> None:
    name = unique("missing")
    for operation in (aws.eks.describe_cluster, aws.eks.delete_cluster, aws.eks.list_updates):
        with refused("ResourceNotFoundException", f"No cluster found for name: {name}."):
            operation(name=name)


def test_clusters_are_listed_page_by_page(aws: Aws) -> None:
    names = {aws.cluster()["name"] for _ in range(3)}
    pages = list(aws.eks.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2}))

    assert len(pages) > 1
    assert names <= {name for page in pages for name in page["clusters"]}
