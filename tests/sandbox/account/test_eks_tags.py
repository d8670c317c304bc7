from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.account.aws import Aws, Document, refused

if TYPE_CHECKING:
    from collections.abc import Callable


def association(aws: Aws, cluster: Document) -> str:
    role = aws.role("pods.eks.amazonaws.com")
    answer = aws.eks.create_pod_identity_association(
        clusterName=cluster["name"], namespace="a", serviceAccount="b", roleArn=role
    )
    return answer["association"]["associationArn"]


def entry(aws: Aws, cluster: Document) -> str:
    answer = aws.eks.create_access_entry(clusterName=cluster["name"], principalArn=aws.role("ec2.amazonaws.com"))
    return answer["accessEntry"]["accessEntryArn"]


def addon(aws: Aws, cluster: Document) -> str:
    return aws.eks.create_addon(clusterName=cluster["name"], addonName="coredns")["addon"]["addonArn"]


ARNS: dict[str, Callable[[Aws, Document], str]] = {
    "cluster": lambda _, cluster: cluster["arn"],
    "node group": lambda aws, cluster: aws.nodegroup(cluster)["nodegroupArn"],
    "add-on": addon,
    "access entry": entry,
    "pod identity association": association,
}


@pytest.mark.parametrize("kind", ARNS)
def test_tags_are_set_and_removed_by_arn(aws: Aws, kind: str) -> None:
    arn = ARNS[kind](aws, aws.cluster())
    aws.eks.tag_resource(resourceArn=arn, tags={"one": "1", "two": "2"})
    aws.eks.tag_resource(resourceArn=arn, tags={"two": "3"})
    assert aws.eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"one": "1", "two": "3"}

    aws.eks.untag_resource(resourceArn=arn, tagKeys=["one", "none"])
    assert aws.eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"two": "3"}


def test_tags_show_in_the_description(aws: Aws) -> None:
    cluster = aws.cluster()
    aws.eks.tag_resource(resourceArn=cluster["arn"], tags={"one": "1"})
    assert aws.eks.describe_cluster(name=cluster["name"])["cluster"]["tags"] == {"one": "1"}


def test_a_resource_that_is_not_there_has_no_tags(aws: Aws) -> None:
    arn = "arn:aws:eks:eu-west-2:111122223333:cluster/none"
    with refused("NotFoundException"):
        aws.eks.list_tags_for_resource(resourceArn=arn)
    with refused("NotFoundException"):
        aws.eks.tag_resource(resourceArn=arn, tags={"one": "1"})
