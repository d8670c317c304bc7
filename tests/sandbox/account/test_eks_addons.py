from __future__ import annotations

import pytest

from infra.contract.versions import ADDONS
from tests.sandbox.account.aws import Aws, refused


def test_an_addon_is_described_as_it_was_asked_for(aws: Aws) -> None:
    name, role = aws.cluster()["name"], aws.role("eks.amazonaws.com")
    created = aws.eks.create_addon(
        clusterName=name,
        addonName="vpc-cni",
        addonVersion="v1.23.1-eksbuild.1",
        serviceAccountRoleArn=role,
        configurationValues='{"enableNetworkPolicy": "true"}',
        resolveConflicts="OVERWRITE",
        tags={"team": "platform"},
    )["addon"]
    addon = aws.eks.describe_addon(clusterName=name, addonName="vpc-cni")["addon"]

    assert addon == created
    assert addon["status"] == "ACTIVE"
    assert addon["addonVersion"] == "v1.23.1-eksbuild.1"
    assert addon["serviceAccountRoleArn"] == role
    assert addon["configurationValues"] == '{"enableNetworkPolicy": "true"}'
    assert addon["tags"] == {"team": "platform"}
    assert addon["addonArn"].startswith(f"arn:aws:eks:eu-west-2:111122223333:addon/{name}/vpc-cni/")
    assert aws.eks.list_addons(clusterName=name)["addons"] == ["vpc-cni"]


def test_an_addon_without_a_version_gets_the_default(aws: Aws) -> None:
    name = aws.cluster()["name"]
    addon = aws.eks.create_addon(clusterName=name, addonName="coredns")["addon"]
    assert addon["addonVersion"] == ADDONS["coredns"].pin


def test_an_addon_that_eks_does_not_have_or_not_in_that_version_is_refused(aws: Aws) -> None:
    name = aws.cluster()["name"]
    with refused("InvalidParameterException", "Addon nonesuch specified is not supported in 1.36 kubernetes version"):
        aws.eks.create_addon(clusterName=name, addonName="nonesuch")
    with refused("InvalidParameterException", "Addon version specified is not supported"):
        aws.eks.create_addon(clusterName=name, addonName="coredns", addonVersion="v1.0.0-eksbuild.1")


def test_a_build_for_another_minor_is_refused(aws: Aws) -> None:
    name = aws.cluster(version="1.35")["name"]
    for addon in ("coredns", "kube-proxy"):
        with refused("InvalidParameterException", "Addon version specified is not supported"):
            aws.eks.create_addon(clusterName=name, addonName=addon, addonVersion=ADDONS[addon].pin)


def test_a_minor_before_the_newest_has_builds_of_its_own(aws: Aws) -> None:
    (kube_proxy,) = aws.eks.describe_addon_versions(addonName="kube-proxy", kubernetesVersion="1.35")["addons"]
    (build,) = kube_proxy["addonVersions"]
    assert build["addonVersion"].startswith("v1.35.")
    assert [each["clusterVersion"] for each in build["compatibilities"]] == ["1.35"]
    (cni,) = aws.eks.describe_addon_versions(addonName="vpc-cni")["addons"]
    pin = next(each for each in cni["addonVersions"] if each["addonVersion"] == ADDONS["vpc-cni"].pin)
    assert {each["clusterVersion"] for each in pin["compatibilities"]} >= {"1.35", "1.36"}


def test_an_addon_is_installed_once(aws: Aws) -> None:
    name = aws.cluster()["name"]
    aws.eks.create_addon(clusterName=name, addonName="kube-proxy")
    with refused("ResourceInUseException", "Addon already exists."):
        aws.eks.create_addon(clusterName=name, addonName="kube-proxy")


@pytest.mark.parametrize("values", ['{"replicaCount": ', "[1, 2]", "null", "text"])
def test_configuration_that_is_no_object_is_refused(aws: Aws, values: str) -> None:
    name = aws.cluster()["name"]
    aws.eks.create_addon(clusterName=name, addonName="metrics-server")
    with refused("InvalidParameterException", "ConfigurationValue provided in request is not supported"):
        aws.eks.create_addon(clusterName=name, addonName="coredns", configurationValues=values)
    with refused("InvalidParameterException", "ConfigurationValue provided in request is not supported"):
        aws.eks.update_addon(clusterName=name, addonName="metrics-server", configurationValues=values)


def test_an_update_of_an_addon_keeps_what_it_does_not_name(aws: Aws) -> None:
    name = aws.cluster()["name"]
    values = '{"replicaCount": 1}'
    aws.eks.create_addon(
        clusterName=name, addonName="coredns", addonVersion=ADDONS["coredns"].pin, configurationValues=values
    )
    newer = ADDONS["coredns"].versions[-1]
    update = aws.eks.update_addon(clusterName=name, addonName="coredns", addonVersion=newer)["update"]
    addon = aws.eks.describe_addon(clusterName=name, addonName="coredns")["addon"]

    assert (update["type"], update["status"]) == ("AddonUpdate", "Successful")
    assert {"type": "AddonVersion", "value": newer} in update["params"]
    assert (addon["addonVersion"], addon["configurationValues"]) == (newer, values)
    assert aws.eks.list_updates(name=name, addonName="coredns")["updateIds"] == [update["id"]]
    assert aws.eks.list_updates(name=name)["updateIds"] == []
    with refused("InvalidParameterException", "Addon version specified is not supported"):
        aws.eks.update_addon(clusterName=name, addonName="coredns", addonVersion="v9.9.9-eksbuild.1")


def test_a_deleted_addon_is_gone(aws: Aws) -> None:
    name = aws.cluster()["name"]
    before = aws.census()
    aws.eks.create_addon(clusterName=name, addonName="coredns")

    assert aws.eks.delete_addon(clusterName=name, addonName="coredns")["addon"]["status"] == "DELETING"

    assert aws.census() == before
    for operation in (aws.eks.describe_addon, aws.eks.delete_addon, aws.eks.update_addon):
        with refused("ResourceNotFoundException", f"No addon: coredns found in cluster: {name}"):
            operation(clusterName=name, addonName="coredns")


def test_the_versions_of_addons_are_those_that_the_project_knows(aws: Aws) -> None:
    (coredns,) = aws.eks.describe_addon_versions(addonName="coredns", kubernetesVersion="1.36")["addons"]

    assert [version["addonVersion"] for version in coredns["addonVersions"]] == list(ADDONS["coredns"].versions)
    defaults = [version["compatibilities"][0]["defaultVersion"] for version in coredns["addonVersions"]]
    assert defaults == [True, False, False]
    assert {addon["addonName"] for addon in aws.eks.describe_addon_versions()["addons"]} == set(ADDONS)
    assert aws.eks.describe_addon_versions(addonName="nonesuch")["addons"] == []


def test_associations_that_an_addon_owns_are_said_not_to_be_emulated(aws: Aws) -> None:
    name = aws.cluster()["name"]
    associations = [{"serviceAccount": "aws-node", "roleArn": aws.role("pods.eks.amazonaws.com")}]
    with refused("InvalidRequestException", "does not emulate podIdentityAssociations"):
        aws.eks.create_addon(clusterName=name, addonName="vpc-cni", podIdentityAssociations=associations)
