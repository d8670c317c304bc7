"""Physical names that one package makes and another relies on."""

from __future__ import annotations

PROJECT = "infra-fleet"
"""The Pulumi project, the namespace of its config keys and the root of its IAM paths."""

LOAD_HARNESS_REPOSITORY = "load-harness"
"""The ECR repository of the sample application."""

IMAGE_REPOSITORIES = (LOAD_HARNESS_REPOSITORY,)
"""The ECR repositories that Flux's image-reflector-controller may read."""

DEPLOY_ROLE = "infra-fleet-deploy"
"""The role of the permanent layer that runs up, bootstrap and teardown."""


def iam_path(cluster: str) -> str:
    """The IAM path of every role and policy of a cluster's stack, with both slashes."""
    return f"/{PROJECT}/{cluster}/"


def log_group(cluster: str) -> str:
    """The log group that EKS writes control-plane logs to. EKS fixes this name.

    Source: EKS user guide, "Send control plane logs to CloudWatch Logs".
    """
    return f"/aws/eks/{cluster}/cluster"


def role_arn(account_id: str, role: str) -> str:
    """The ARN of a role of the permanent layer, which has no path."""
    return f"arn:aws:iam::{account_id}:role/{role}"


def role_name(arn: str) -> str:
    """A role's path and name, without the first slash: what is left of its ARN after the account."""
    return arn.split(":role/", 1)[1]


def ecr_registry(account_id: str, region: str) -> str:
    """The host of an account's private registry in a region."""
    return f"{account_id}.dkr.ecr.{region}.amazonaws.com"


def ecr_repository_arn(account_id: str, region: str, repository: str) -> str:
    """The ARN of a repository in an account's private registry."""
    return f"arn:aws:ecr:{region}:{account_id}:repository/{repository}"
