"""IAM as AWS does it, where this stack meets moto's differences.

Source of the AWS side: IAM API reference, DeletePolicy, ListInstanceProfiles, ListInstanceProfilesForRole,
ListInstanceProfileTags, ListRoles; IAM user guide, service-linked roles.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportPrivateUsage=false

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.iam import urls
from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, iam_backends
from moto.iam.responses import IamResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moto.iam.models import InstanceProfile, ManagedPolicy, Role

LINKED_ROLES = {
    "eks": "AmazonEKS",
    "eks-nodegroup": "AmazonEKSNodegroup",
    "elasticloadbalancing": "ElasticLoadBalancing",
    "spot": "EC2Spot",
}
"""Service → what follows AWSServiceRoleFor in the name of its role, where moto has the service."""

PAGE = 100
"""How many a listing returns at most, unless MaxItems says fewer."""


class Iam(IAMBackend):
    """The IAM of one account."""

    @property
    def _url_module(self) -> Any:
        return urls

    def delete_policy(self, policy_arn: str) -> None:
        """Only one that nobody has and that has one version left (moto takes any)."""
        policy = self.get_policy(policy_arn)
        refuse_attached_policy(policy)
        refuse_versions(policy)
        super().delete_policy(policy_arn)


def refuse_attached_policy(policy: ManagedPolicy) -> None:
    """DeletePolicy: DeleteConflict while it is attached."""
    if policy.attachment_count:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")


def refuse_versions(policy: ManagedPolicy) -> None:
    """DeletePolicy: DeleteConflict while it has versions other than the default one."""
    if len(policy.versions) > 1:
        raise DeleteConflictException(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )


def page(response: Any, key: str, things: Sequence[Any]) -> ActionResult:
    """One page of a listing, by the Marker and the MaxItems of the request."""
    start, size = int(response._get_param("Marker", 0)), int(response._get_param("MaxItems", PAGE))  # noqa: SLF001
    more = start + size < len(things)
    marker = {"Marker": str(start + size)} if more else {}
    return ActionResult({key: things[start : start + size], "IsTruncated": more, **marker})


def without_tags(things: Iterable[InstanceProfile | Role]) -> list[Any]:
    """The same as listings return them: without tags, which an operation of their own returns."""
    found = [copy.copy(each) for each in things]
    for each in found:
        each.tags = []
    return found


def list_instance_profiles(response: Any) -> ActionResult:
    """By their path (moto: all of them, with tags)."""
    prefix = response._get_param("PathPrefix", "/")  # noqa: SLF001 -- moto's own way
    found = [each for each in response.backend.get_instance_profiles() if each.path.startswith(prefix)]
    return page(response, "InstanceProfiles", without_tags(sorted(found, key=lambda each: each.name)))


def list_instance_profiles_for_role(response: Any) -> ActionResult:
    """NoSuchEntity for an unknown role (moto: none, and the tags of those of a known one)."""
    name = response._get_param("RoleName")  # noqa: SLF001 -- moto's own way
    response.backend.get_role(name)
    return page(response, "InstanceProfiles", without_tags(response.backend.get_instance_profiles_for_role(name)))


def list_instance_profile_tags(response: Any) -> ActionResult:
    """moto has no such operation."""
    profile = response.backend.get_instance_profile(response._get_param("InstanceProfileName"))  # noqa: SLF001
    return page(response, "Tags", sorted(profile.tags, key=lambda tag: tag["Key"]))


def list_roles(response: Any) -> ActionResult:
    """By their path (moto: with their tags)."""
    prefix = response._get_param("PathPrefix", "/")  # noqa: SLF001 -- moto's own way
    found = [each for each in response.backend.roles.values() if each.path.startswith(prefix)]
    return page(response, "Roles", without_tags(sorted(found, key=lambda each: each.name)))


def install() -> None:
    """Make moto build `Iam` wherever it builds an IAM backend, and list as above."""
    iam_backends.backend = Iam
    SERVICE_NAME_CONVERSION.update(LINKED_ROLES)
    for listing in (list_instance_profiles, list_instance_profiles_for_role, list_instance_profile_tags, list_roles):
        setattr(IamResponse, listing.__name__, listing)
