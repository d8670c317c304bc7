"""IAM as AWS does it, where this stack meets moto's differences.

Source of the AWS side: IAM API reference, DeletePolicy.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.iam import urls
from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import IAMBackend, iam_backends

if TYPE_CHECKING:
    from moto.iam.models import ManagedPolicy


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
    """DeletePolicy: DeleteConflict while it has versions beside the default one."""
    if len(policy.versions) > 1:
        raise DeleteConflictException(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )


def install() -> None:
    """Make moto build `Iam` wherever it builds an IAM backend."""
    iam_backends.backend = Iam
