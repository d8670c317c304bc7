"""A permanent layer with two clusters, and what its policies say."""

from __future__ import annotations

from infra.contract import names
from permanent import policies, settings

ACCOUNT, REGION, CLUSTERS = "123456789012", "eu-west-2", ("staging", "staging-2")
ZONE = "Z0123456789ABCDEFGHIJ"


def make(clusters: tuple[str, ...] = CLUSTERS) -> settings.Settings:
    return settings.parse(
        {
            "accountId": ACCOUNT,
            "region": REGION,
            "githubRepository": "your-org/infra-fleet",
            "clusters": list(clusters),
            "alarmEmail": "platform@example.com",
            "hostedZoneIds": [ZONE],
        }
    )


SETTINGS = make()
ROLES = {role: tuple(granted.values()) for role, granted in policies.documents(SETTINGS).items()}
PREVIEW, DEPLOY, PUSH = ROLES[names.PREVIEW_ROLE], ROLES[names.DEPLOY_ROLE], ROLES[names.PUSH_ROLE]
BOUNDARY = policies.boundary(SETTINGS)
BOUNDARY_ARN = names.policy_arn(ACCOUNT, names.BOUNDARY)
