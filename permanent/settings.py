"""The config of the permanent layer as a typed model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from infra import config
from infra.config import AccountId, ClusterName, HostedZoneIds, Region, SettingsError, StackModel
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings", "SettingsError", "load", "parse", "parse_file"]


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("allowed: one or more")
    return config.once(values)


# GitHub: owners of at most 39 letters, digits and single dashes, repositories of at most 100 characters. IAM compares
# `sub` with what is written here, and StringLike would read * and ? as wildcards.
GitHubRepository = Annotated[
    str,
    config.matches(
        r"[A-Za-z0-9](-?[A-Za-z0-9]){0,38}/[A-Za-z0-9._-]{1,100}", "<owner>/<repository>, spelled as on GitHub"
    ),
]
# GitHub Docs, "OpenID Connect reference", immutable subject claims: repositories made, renamed or moved since 15 July
# 2026 have the ids of owner and repository in the claim.
GitHubSubject = Annotated[
    str,
    config.matches(
        r"repo:[A-Za-z0-9](-?[A-Za-z0-9]){0,38}(@\d+)?/[A-Za-z0-9._-]{1,100}(@\d+)?",
        "repo:<owner>@<id>/<repository>@<id>, as `gh api repos/<owner>/<repository>/actions/oidc/customization/sub` "
        "has it in sub_claim_prefix; repo:<owner>/<repository> for older repositories",
    ),
]
# Amazon ECR API reference, CreateRepository: 2 to 256 characters.
ImageRepository = Annotated[
    str,
    config.matches(
        r"(?=.{2,256}$)[a-z0-9]+([._/-][a-z0-9]+)*", "2 to 256 lower-case letters and digits, joined by one of . _ - /"
    ),
]
Email = Annotated[str, config.matches(r"[^@\s]+@[^@\s]+\.[^@\s.]+", "an e-mail address")]
NOBODYS = ("@example.com", "@example.net", "@example.org")
"""Addresses that stand in the repository for a person's own (RFC 2606)."""

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""CloudWatch Logs API reference, PutRetentionPolicy: no other periods."""

BUDGET_DAILY_USD_A_CLUSTER = 5
"""By the contract's prices a day of 12 hours costs 3.2 and one of 24 hours 6.4 dollars, plus traffic: 80 % of this is
not reached by a day that ends, and all of it is passed by one that does not."""


class Settings(StackModel):
    """The config of the permanent layer of one AWS account."""

    namespace: ClassVar[str] = names.PERMANENT_PROJECT

    account_id: AccountId
    """The AWS account. The provider refuses to work in any other."""
    region: Region
    """The AWS region of everything here and of the account's clusters."""
    github_repository: GitHubRepository
    """`<owner>/<repository>`: whose workflows may assume the roles."""
    github_subject: GitHubSubject = Field(default_factory=lambda above: f"repo:{above['github_repository']}")
    """How the `sub` of their tokens begins; `repo:<githubRepository>` by default. Since 15 July 2026 GitHub puts ids
    into that of new repositories: `repo:<owner>@<id>/<repository>@<id>`."""
    clusters: Annotated[tuple[ClusterName, ...], AfterValidator(_some)]
    """The EKS clusters of the account, one a stack: each has a log group here that outlives it, and is
    taken away by hand when its cluster leaves this list, since everything here is protected."""
    image_repositories: Annotated[tuple[ImageRepository, ...], AfterValidator(_some)] = names.IMAGE_REPOSITORIES
    """The ECR repositories that releases are pushed to."""
    hosted_zone_ids: HostedZoneIds = ()
    """Route 53 hosted zones of the account whose records the deploy role may read: those of every stack's
    `infra-fleet:hostedZoneIds`, which makes the teardown look into them."""
    adopt_github_provider: bool = False
    """Adopts the identity provider of GitHub that is in the account already, of which IAM has one a URL: it is imported
    into the state as it is, and protected. `fleet account check` says whether there is one."""
    log_retention_days: int = 30
    """How long the control planes' logs are kept, in days."""
    alarm_email: Email
    """The e-mail address for alerts of AWS Budgets."""
    budget_daily_usd: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default_factory=lambda above: BUDGET_DAILY_USD_A_CLUSTER * len(above["clusters"])
    )
    """The daily budget in whole US dollars; alerts at 80 % and 100 %. Default: 5 per cluster, which a cluster that is
    left on overnight exceeds."""

    @field_validator("github_subject")
    @classmethod
    def _is_of_the_repository(cls, value: str, info: ValidationInfo) -> str:
        repository = info.data.get("github_repository")
        if repository is not None and re.sub(r"@\d+", "", value) != f"repo:{repository}":
            raise ValueError(f"allowed: repo:{repository}, with the ids of both after an @ or without any")
        return value

    @field_validator("log_retention_days")
    @classmethod
    def _is_a_period(cls, value: int) -> int:
        if value not in RETENTION_DAYS:
            raise ValueError(f"allowed: {', '.join(map(str, RETENTION_DAYS))}")
        return value


def parse(values: Mapping[str, object]) -> Settings:
    """Check the config, keys without namespace. Raises SettingsError, with one line for each problem."""
    return config.parse(Settings, values, names.PERMANENT_STACK)


def parse_file(values: Mapping[str, object]) -> Settings:
    """Check the config of a stack file, keys with namespace. Raises SettingsError, which names the file."""
    return config.parse_file(Settings, values, names.PERMANENT_STACK)


def load() -> Settings:
    """Check the config that the engine hands to the program. Raises pulumi.RunError, which lists the problems."""
    return config.load(Settings)
