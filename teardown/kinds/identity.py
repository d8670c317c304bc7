"""What IAM has: the stack's roles, policies and OIDC provider, and instance profiles, a controller's included.

Source of the calls: IAM API reference. IAM is global, so a controller's profile must name the region as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.contract import names
from infra.contract.sweep_policies import Permission, Scope, reads
from teardown import claim
from teardown.claim import Claim
from teardown.kinds.base import Kind, Leftover

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common.aws import Aws
    from teardown.target import Target

REGION = "topology.kubernetes.io/region"
"""Karpenter's tag for the region of an instance profile (pkg/apis/v1/ec2nodeclass.go, InstanceProfileTags)."""

KARPENTERS = "/karpenter/{target.region}/{target.cluster}/"
"""How the path of Karpenter's profiles begins since 1.7 (pkg/providers/instanceprofile)."""


def roles(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The roles under the stack's path."""
    for role in aws.pages("iam", "list_roles", "Roles", PathPrefix=names.iam_path(target.cluster)):
        yield Leftover(ROLE, role["RoleName"], Claim.STACK, role["Arn"], created=role.get("CreateDate"))


def delete_role(aws: Aws, leftover: Leftover) -> None:
    """Take it out of what holds it first: policies, instance profiles. Raises ClientError."""
    iam, name = aws.client("iam"), leftover.id
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
        for policy in page["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for page in iam.get_paginator("list_instance_profiles_for_role").paginate(RoleName=name):
        for profile in page["InstanceProfiles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=name)
    iam.delete_role(RoleName=name)


def policies(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The policies under the stack's path."""
    path = names.iam_path(target.cluster)
    for policy in aws.pages("iam", "list_policies", "Policies", Scope="Local", PathPrefix=path):
        yield Leftover(POLICY, policy["Arn"], Claim.STACK, policy["PolicyName"], created=policy.get("CreateDate"))


def delete_policy(aws: Aws, leftover: Leftover) -> None:
    """Its older versions go first. Raises ClientError."""
    iam = aws.client("iam")
    for page in iam.get_paginator("list_policy_versions").paginate(PolicyArn=leftover.id):
        for version in page["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=leftover.id, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=leftover.id)


def profiles(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The stack's, by path; a controller's, by Karpenter's path or by tags that name cluster and region.

    Those whose tags are asked for are few: controllers put the cluster's name into name or path, or use a stack's role.
    """
    own = names.iam_path(target.cluster)
    for profile in aws.pages("iam", "list_instance_profiles", "InstanceProfiles"):
        name, path, created = profile["InstanceProfileName"], profile["Path"], profile.get("CreateDate")
        roles = profile.get("Roles", ())
        if path == own:
            yield Leftover(PROFILE, profile["Arn"], Claim.STACK, name, created=created)
        elif target.cluster in name or target.cluster in path or any(role["Path"] == own for role in roles):
            listed = aws.pages("iam", "list_instance_profile_tags", "Tags", InstanceProfileName=name)
            tags = {tag["Key"]: tag["Value"] for tag in listed}
            whose = claim.claim(tags, target)
            is_here = tags.get(REGION) == target.region or path.startswith(KARPENTERS.format(target=target))
            yield Leftover(PROFILE, profile["Arn"], whose if is_here else Claim.NOBODYS, name, tags, created)


def delete_profile(aws: Aws, leftover: Leftover) -> None:
    """Its role is taken out of it, and stays. Raises ClientError."""
    iam = aws.client("iam")
    profile = iam.get_instance_profile(InstanceProfileName=leftover.name)["InstanceProfile"]
    for role in profile["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=leftover.name, RoleName=role["RoleName"])
    iam.delete_instance_profile(InstanceProfileName=leftover.name)


def providers(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The identity provider of the cluster's tokens, by the stack's tags."""
    found = aws.pages("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList")
    issuer = f":oidc-provider/oidc.eks.{target.region}."
    for arn in (each["Arn"] for each in found if issuer in each["Arn"]):
        listed = aws.pages("iam", "list_open_id_connect_provider_tags", "Tags", OpenIDConnectProviderArn=arn)
        tags = {tag["Key"]: tag["Value"] for tag in listed}
        yield Leftover(PROVIDER, arn, claim.of_stack(tags, target), "", tags)


PROFILE = Kind(
    "instance profile",
    profiles,
    (
        *reads("iam:ListInstanceProfiles"),
        Permission(("iam:ListInstanceProfileTags",), ("iam::@account_id@:instance-profile/*",)),
    ),
    delete_profile,
    (
        Permission(
            ("iam:DeleteInstanceProfile", "iam:GetInstanceProfile", "iam:RemoveRoleFromInstanceProfile"),
            ("iam::@account_id@:instance-profile/*",),
            (Scope.NODES,),
        ),
    ),
    command="aws iam delete-instance-profile --instance-profile-name {name}",
)
ROLE = Kind(
    "IAM role",
    roles,
    reads("iam:ListRoles"),
    delete_role,
    command="aws iam delete-role --role-name {id}",
)
POLICY = Kind(
    "IAM policy",
    policies,
    reads("iam:ListPolicies"),
    delete_policy,
    command="aws iam delete-policy --policy-arn {id}",
)
PROVIDER = Kind(
    "OIDC provider",
    providers,
    (
        *reads("iam:ListOpenIDConnectProviders"),
        Permission(("iam:ListOpenIDConnectProviderTags",), ("iam::@account_id@:oidc-provider/oidc.eks.*",)),
    ),
    lambda aws, each: aws.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=each.id),
    command="aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {id}",
)

KINDS = (PROFILE, ROLE, POLICY, PROVIDER)
