"""What the roles of the permanent layer may do, who may assume them, and what bounds the roles of stacks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from infra import policy_documents
from infra.config import SettingsError
from infra.contract import names, sweep_policies
from infra.contract.sweep_policies import Declared
from infra.trust import web_identity_trust
from permanent.preflight import reads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from permanent.settings import Settings

DOCUMENTS = Path(__file__).parent / "iam"
DEPLOY_PARTS = ("state", "network", "cluster", "roles", "identity")
"""The documents of the deploy role that are the same for any number of clusters."""

LIMIT = 6144
"""Characters of a managed policy (IAM and STS quotas)."""


def documents(settings: Settings) -> Mapping[str, Mapping[str, str]]:
    """The policies of each role: role → policy → document.

    Raises:
        SettingsError: a policy would be longer than AWS takes.
    """
    deploy = {f"{names.DEPLOY_ROLE}-{part}": _document(settings, f"deploy-{part}") for part in DEPLOY_PARTS}
    where = (settings.account_id, settings.region)
    declared, checked = sweep_policies.load(), reads.permissions()
    sweep = (declared, *where, list(settings.clusters))
    # A role has at most ten policies: what the check reads is in one with what the sweep reads.
    probed = replace(declared, reads=(*declared.reads, *checked))
    deploy |= {
        f"{names.DEPLOY_ROLE}-probes": _written(sweep_policies.probes(probed, *where, settings.hosted_zone_ids)),
        f"{names.DEPLOY_ROLE}-leftovers": _written(sweep_policies.leftovers(*sweep)),
        f"{names.DEPLOY_ROLE}-marks": _written(sweep_policies.marks(*sweep)),
    }
    found = {
        names.PREVIEW_ROLE: {
            names.PREVIEW_ROLE: _document(settings, "preview"),
            f"{names.PREVIEW_ROLE}-check": _written(sweep_policies.probes(Declared(checked, ()), *where)),
        },
        names.DEPLOY_ROLE: {**deploy, f"{names.DEPLOY_ROLE}-owned": _written(sweep_policies.owned(*sweep))},
        names.PUSH_ROLE: {names.PUSH_ROLE: _document(settings, "push")},
    }
    for policies_of_role in found.values():
        for name, document in policies_of_role.items():
            _check_length(name, document)
    return found


def boundary(settings: Settings) -> str:
    """The most that a role of a stack may do, whatever is attached to it.

    Raises:
        SettingsError: the policy would be longer than AWS takes.
    """
    document = _document(settings, "boundary")
    _check_length(names.BOUNDARY, document)
    return document


def trust(provider_arn: str, prefix: str, subject: str, *, like: bool = False, ref: str | None = None) -> str:
    """The trust policy of a role for workflows of one GitHub repository.

    Sources: GitHub Actions documentation, OpenID Connect reference, example and immutable subject claims; AWS news of
    January 2026, "AWS STS supports validation of identity provider claims", of which `ref` is one of GitHub's.

    Args:
        provider_arn: the IAM identity provider of GitHub.
        prefix: how the claim begins, `repo:<owner>/<repository>`, both with their ids in new repositories.
        subject: what follows it in the claim, e.g. `environment:staging`.
        like: whether `*` and `?` in the subject are wildcards.
        ref: the branch or tag that a job's run must be of, as well; it holds where an environment is not protected.
    """
    subjects = {f"{names.GITHUB_ISSUER}:sub": f"{prefix}:{subject}"}
    equal = {f"{names.GITHUB_ISSUER}:aud": "sts.amazonaws.com"} | ({f"{names.GITHUB_ISSUER}:ref": ref} if ref else {})
    condition = {"StringEquals": equal, "StringLike": subjects} if like else {"StringEquals": equal | subjects}
    return web_identity_trust(provider_arn, condition)


def _document(settings: Settings, name: str, **more: str) -> str:
    account, region = settings.account_id, settings.region
    return policy_documents.document(
        name,
        DOCUMENTS,
        account_id=account,
        region=region,
        project=names.PROJECT,
        bucket=names.state_bucket(account, region),
        key_alias=names.STATE_KEY_ALIAS,
        boundary=names.policy_arn(account, names.BOUNDARY),
        clusters=list(settings.clusters),
        log_groups=[names.log_group(cluster) for cluster in settings.clusters],
        image_repositories=list(settings.image_repositories),
        secrets=list(names.SECRET_PARAMETERS),
        **more,
    )


def _written(document: Mapping[str, object]) -> str:
    """A document as AWS counts it: without white space."""
    return json.dumps(document, separators=(",", ":"))


def _check_length(name: str, document: str) -> None:
    if len(document) > LIMIT:
        raise SettingsError(
            f"  {names.PERMANENT_PROJECT}:clusters: {name} would have {len(document)} of {LIMIT} characters; "
            "allowed: fewer or shorter names of clusters and image repositories, fewer hosted zones"
        )
