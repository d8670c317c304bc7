"""The permanent layer: never destroyed, applied by a person, previewed by CI."""

from __future__ import annotations

import sys
from pathlib import Path

# The engine runs this file alone: its folder is on the path, the repository's root is not.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pulumi
import pulumi_aws as aws

from infra import aws_only
from infra.contract import names
from permanent.budget import Budget
from permanent.github_roles import GitHub
from permanent.image_repositories import Registry
from permanent.logs import Logs
from permanent.settings import load
from permanent.state_bucket import State

aws_only.install()
settings = load()
provider = aws.Provider(
    "aws",
    region=settings.region,
    allowed_account_ids=[settings.account_id],
    default_tags=aws.ProviderDefaultTagsArgs(tags={"project": names.PROJECT, "managed-by": "pulumi"}),
)
# Children inherit it: a destroy, or a change that replaces, fails in its preview.
opts = pulumi.ResourceOptions(providers=[provider], protect=True)

State(settings, opts)
registry = Registry(settings, opts)
github = GitHub(settings, opts)
logs = Logs(settings, opts)
Budget(settings, opts)

outputs = {
    "state_backend": names.state_backend(settings.account_id, settings.region),
    "secrets_provider": names.secrets_provider(settings.region),
    "preview_role_arn": github.role_arns[names.PREVIEW_ROLE],
    "deploy_role_arn": github.role_arns[names.DEPLOY_ROLE],
    "push_role_arn": github.role_arns[names.PUSH_ROLE],
    "boundary_arn": github.boundary_arn,
    "repository_urls": registry.urls,
    "log_groups": logs.names,
}
for name, value in outputs.items():
    pulumi.export(name, value)
