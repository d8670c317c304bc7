"""Where IAM differs from what moto does by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.sandbox.account.aws import refused, unique

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Aws

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})


def profile(aws: Aws, path: str, **tags: str) -> str:
    name = unique("profile")
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    aws.iam.create_instance_profile(InstanceProfileName=name, Path=path, Tags=pairs)
    return name


def profiles_under(aws: Aws, path: str, size: int = 100) -> set[str]:
    pages = aws.iam.get_paginator("list_instance_profiles").paginate(
        PathPrefix=path, PaginationConfig={"PageSize": size}
    )
    return {each["InstanceProfileName"] for page in pages for each in page["InstanceProfiles"]}


def test_instance_profiles_are_listed_by_their_path(aws: Aws) -> None:
    root = unique("/karpenter/eu-west-2/staging")
    mine = {profile(aws, f"{root}/{number}/") for number in range(5)}
    almost = profile(aws, f"{root}-2/0/")
    assert profiles_under(aws, f"{root}/") == mine
    assert profiles_under(aws, f"{root}/", size=2) == mine
    assert profiles_under(aws, root) == mine | {almost}
    assert profiles_under(aws, unique("/nobody/")) == set()
    assert mine | {almost} <= profiles_under(aws, "/")


def test_the_tags_of_an_instance_profile_are_told_by_an_operation_of_their_own(aws: Aws) -> None:
    path = unique("/tagged") + "/"
    name = profile(aws, path, owner="staging", team="platform")
    (listed,) = aws.iam.list_instance_profiles(PathPrefix=path)["InstanceProfiles"]
    assert not listed.get("Tags")
    aws.iam.tag_instance_profile(InstanceProfileName=name, Tags=[{"Key": "team", "Value": "storage"}])
    aws.iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["owner"])
    answer = aws.iam.list_instance_profile_tags(InstanceProfileName=name)
    assert (answer["Tags"], answer["IsTruncated"]) == ([{"Key": "team", "Value": "storage"}], False)
    assert aws.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Tags"] == answer["Tags"]
    with refused("NoSuchEntity"):
        aws.iam.list_instance_profile_tags(InstanceProfileName=unique("nobody"))


def test_a_role_tells_its_profiles_and_policies(aws: Aws) -> None:
    role = aws.role("ec2.amazonaws.com").rpartition("/")[2]
    name = profile(aws, "/", owner="staging")
    aws.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
    aws.iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=POLICY)
    arn = aws.iam.create_policy(PolicyName=unique("policy"), PolicyDocument=POLICY)["Policy"]["Arn"]
    aws.iam.attach_role_policy(RoleName=role, PolicyArn=arn)

    (listed,) = aws.iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
    assert (listed["InstanceProfileName"], [each["RoleName"] for each in listed["Roles"]]) == (name, [role])
    assert aws.iam.list_role_policies(RoleName=role)["PolicyNames"] == ["inline"]
    attached = aws.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == [arn]
    with refused("NoSuchEntity"):
        aws.iam.list_instance_profiles_for_role(RoleName=unique("nobody"))


def test_roles_are_listed_by_their_path_and_without_tags(aws: Aws) -> None:
    path = unique("/fleet") + "/"
    role = aws.role("ec2.amazonaws.com", path)
    aws.iam.tag_role(RoleName=role.rpartition("/")[2], Tags=[{"Key": "team", "Value": "platform"}])
    (listed,) = aws.iam.list_roles(PathPrefix=path)["Roles"]
    assert listed["Arn"] == role
    assert not listed.get("Tags")
    assert aws.iam.list_role_tags(RoleName=role.rpartition("/")[2])["Tags"]
