"""IAM roles as every component makes them: under the cluster's path, within the boundary, named by the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi_aws as aws

from infra.contract import names

if TYPE_CHECKING:
    import pulumi

    from infra.settings import Settings


@dataclass(frozen=True)
class WorkloadRole:
    """A role that a workload assumes, and the attachment without which it may do nothing."""

    arn: pulumi.Output[str]
    granted: pulumi.Resource


def make(name: str, settings: Settings, *, trust: pulumi.Input[str], opts: pulumi.ResourceOptions) -> aws.iam.Role:
    """Make a role. Later layers scope their own permissions by its path."""
    return aws.iam.Role(
        name,
        path=names.iam_path(settings.cluster_name),
        assume_role_policy=trust,
        permissions_boundary=settings.permissions_boundary,
        opts=opts,
    )


def attach(
    name: str, role: aws.iam.Role, policy_arn: pulumi.Input[str], *, opts: pulumi.ResourceOptions
) -> aws.iam.RolePolicyAttachment:
    """Attach a managed policy."""
    return aws.iam.RolePolicyAttachment(name, role=role.name, policy_arn=policy_arn, opts=opts)
