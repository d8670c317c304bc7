"""What the repository's workflows may do in the account: GitHub's identity provider, three roles, a boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import config
from infra.contract import names
from permanent import policies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from permanent.settings import Settings

HOUR = 3600


@dataclass(frozen=True)
class WorkflowRole:
    """A role that jobs of the repository assume.

    Attributes:
        subject: the `sub` of the job's token, after what the settings call githubSubject.
        like: whether `*` in the subject stands for anything.
        session_seconds: how long a job may work without assuming it again.
        ref: what a job's run must be of, in addition to the subject.
    """

    subject: str
    like: bool = False
    session_seconds: int = HOUR
    ref: str | None = None


# GitHub Docs, "OpenID Connect reference", example subject claims.
ROLES = {
    names.PREVIEW_ROLE: WorkflowRole("pull_request"),
    # An environment lets in every branch where a plan has no branch policies, so the branch is asked for as well.
    names.DEPLOY_ROLE: WorkflowRole(
        f"environment:{names.GITHUB_ENVIRONMENT}", session_seconds=2 * HOUR, ref="refs/heads/main"
    ),
    names.PUSH_ROLE: WorkflowRole("ref:refs/tags/v*", like=True),
}


class GitHub(pulumi.ComponentResource):
    """The identity provider, the roles and the boundary.

    Attributes:
        role_arns: role → ARN.
        boundary_arn: the policy that bounds every role of a stack.
    """

    def __init__(self, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{names.PERMANENT_PROJECT}:index:GitHub", "github", None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        provider = aws.iam.OpenIdConnectProvider(
            "github",
            url=f"https://{names.GITHUB_ISSUER}",
            client_id_lists=["sts.amazonaws.com"],
            opts=pulumi.ResourceOptions.merge(self._child, _adopted(settings)),
        )
        boundary, granted = _documents(settings)
        self.boundary_arn = self._policy(names.BOUNDARY, boundary).arn
        self.role_arns = {
            name: self._role(name, role, settings.github_subject, provider, granted[name])
            for name, role in ROLES.items()
        }
        self.register_outputs({})

    def _role(
        self,
        name: str,
        wanted: WorkflowRole,
        prefix: str,
        provider: aws.iam.OpenIdConnectProvider,
        granted: Mapping[str, str],
    ) -> pulumi.Output[str]:
        role = aws.iam.Role(
            name,
            name=name,
            max_session_duration=wanted.session_seconds,
            assume_role_policy=provider.arn.apply(
                lambda arn: policies.trust(arn, prefix, wanted.subject, like=wanted.like, ref=wanted.ref)
            ),
            opts=self._child,
        )
        for policy, document in granted.items():
            arn = self._policy(policy, document).arn
            aws.iam.RolePolicyAttachment(policy, role=role.name, policy_arn=arn, opts=self._child)
        return role.arn

    def _policy(self, name: str, document: str) -> aws.iam.Policy:
        return aws.iam.Policy(name, name=name, policy=document, opts=self._child)


def _adopted(settings: Settings) -> pulumi.ResourceOptions | None:
    """How a provider that is there already becomes the layer's: as it is, since others use it too.

    Source: Pulumi documentation, resource options `import` (fails where inputs differ) and `ignoreChanges`.
    """
    if not settings.adopt_github_provider:
        return None
    return pulumi.ResourceOptions(
        import_=names.provider_arn(settings.account_id),
        ignore_changes=["clientIdLists", "thumbprintLists", "tags", "tagsAll"],
    )


def _documents(settings: Settings) -> tuple[str, Mapping[str, Mapping[str, str]]]:
    """The boundary, and the policies of each role.

    Raises:
        pulumi.RunError: AWS takes no policy as long as the settings make one.
    """
    try:
        return policies.boundary(settings), policies.documents(settings)
    except config.SettingsError as error:
        raise pulumi.RunError(config.in_file(pulumi.get_stack(), error)) from None
