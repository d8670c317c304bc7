"""Physical names that one package makes and another relies on."""

from __future__ import annotations

PROJECT = "infra-fleet"
"""The Pulumi project, the namespace of its config keys and the root of its IAM paths."""

NOTE = "note: "
"""How what a program logs for reviewers begins: reports of previews show it, and no other chatter."""

LOAD_HARNESS_REPOSITORY = "load-harness"
"""The ECR repository of the sample application."""

IMAGE_REPOSITORIES = (LOAD_HARNESS_REPOSITORY,)
"""The ECR repositories that Flux's image-reflector-controller may read."""

PERMANENT_PROJECT = "infra-fleet-permanent"
"""The Pulumi project of the permanent layer, whose one stack an account is PERMANENT_STACK."""

PERMANENT_STACK = "account"

PREVIEW_ROLE = "infra-fleet-preview"
"""The role of the permanent layer that previews pull requests."""

DEPLOY_ROLE = "infra-fleet-deploy"
"""The role of the permanent layer that runs up, bootstrap and teardown."""

PUSH_ROLE = "infra-fleet-push"
"""The role of the permanent layer that pushes images of release tags."""

BOUNDARY = "infra-fleet-boundary"
"""The policy of the permanent layer that bounds every role of a stack: the deploy role makes none without it."""

GITHUB_ISSUER = "token.actions.githubusercontent.com"
"""The issuer of GitHub's tokens, without scheme (GitHub Actions documentation, OpenID Connect in AWS)."""

BUDGET = "infra-fleet-daily"
"""The cost budget of the permanent layer."""

GITHUB_ENVIRONMENT = "staging"
"""The GitHub environment whose jobs may assume the deploy role."""

GITHUB_REVIEW_ENVIRONMENT = "staging-review"
"""The GitHub environment whose reviewers let a stack's lock be freed; its jobs have no credentials."""

STATE_KEY_ALIAS = "alias/infra-fleet-state"
"""The KMS key that Pulumi encrypts secrets in the state with."""

LOAD_HARNESS_API_KEY = "/infra-fleet/load-harness/api-key"
GRAFANA_ADMIN_PASSWORD = "/infra-fleet/grafana/admin-password"  # noqa: S105  # a name
IMAGE_AUTOMATION_SIGNING_KEY = "/infra-fleet/image-automation/signing-key"
SECRET_PARAMETERS = (LOAD_HARNESS_API_KEY, GRAFANA_ADMIN_PASSWORD, IMAGE_AUTOMATION_SIGNING_KEY)
"""The SSM parameters (SecureString) of the secrets that outlive a cluster."""

JUMP_BOX_INSTANCE_TYPE = "t4g.nano"
"""What a jump box runs on."""

RECLAIM_POLICY_TAG = "infra-fleet/reclaim-policy"
"""The tag of an EBS volume that says what its PersistentVolume's reclaim policy was, for when the cluster is gone."""


def iam_path(cluster: str) -> str:
    """The IAM path of every role and policy of a cluster's stack, with both slashes."""
    return f"/{PROJECT}/{cluster}/"


def provider_arn(account_id: str) -> str:
    """The ARN of GitHub's identity provider, of which an account has one."""
    return f"arn:aws:iam::{account_id}:oidc-provider/{GITHUB_ISSUER}"


def log_group(cluster: str) -> str:
    """The log group that EKS writes control-plane logs to. EKS fixes this name.

    Source: EKS user guide, "Send control plane logs to CloudWatch Logs".
    """
    return f"/aws/eks/{cluster}/cluster"


def role_arn(account_id: str, role: str) -> str:
    """The ARN of a role of the permanent layer, which has no path."""
    return f"arn:aws:iam::{account_id}:role/{role}"


def policy_arn(account_id: str, policy: str) -> str:
    """The ARN of a policy of the permanent layer, which has no path."""
    return f"arn:aws:iam::{account_id}:policy/{policy}"


def state_bucket(account_id: str, region: str) -> str:
    """The bucket of the state of all stacks: at most 45 of S3's 63 characters."""
    return f"{PROJECT}-state-{account_id}-{region}"


def state_backend(account_id: str, region: str) -> str:
    """The state's address, as `pulumi login` takes it."""
    return f"s3://{state_bucket(account_id, region)}?region={region}"


def secrets_provider(region: str) -> str:
    """What encrypts a stack's secrets, as `pulumi stack init --secrets-provider` takes it."""
    return f"awskms://{STATE_KEY_ALIAS}?region={region}"


def role_name(arn: str) -> str:
    """A role's path and name, without the first slash: what is left of its ARN after the account."""
    return arn.split(":role/", 1)[1]


def ecr_registry(account_id: str, region: str) -> str:
    """The host of an account's private registry in a region."""
    return f"{account_id}.dkr.ecr.{region}.amazonaws.com"


def ecr_repository_arn(account_id: str, region: str, repository: str) -> str:
    """The ARN of a repository in an account's private registry."""
    return f"arn:aws:ecr:{region}:{account_id}:repository/{repository}"
