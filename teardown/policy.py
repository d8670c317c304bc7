"""The policy documents that the calls need, made from what each kind declares beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.contract import names
from teardown.kinds import KINDS
from teardown.permissions import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from teardown.permissions import Permission

TAGGED = (Scope.CONTROLLER, Scope.CNI, Scope.CSI, Scope.EKS)


def leftovers(account_id: str, region: str, clusters: list[str]) -> dict[str, Any]:
    """What the sweep needs for any number of clusters: reads, and deletions by tags whose value names the cluster."""
    statements = [_allow("Read", sorted(reading()), ["*"])]
    for scope in TAGGED:
        scoped = [each for each in writing() if scope in each.scopes]
        for resources in sorted({each.resources for each in scoped}):
            actions = {action for each in scoped if each.resources == resources for action in each.actions}
            allowed = _allow("", sorted(actions), _arns(resources, account_id, region, clusters))
            statements.append({**allowed, "Condition": {"StringEquals": {f"aws:ResourceTag/{scope.value}": clusters}}})
    for named in (each for each in writing() if Scope.NAME in each.scopes):
        statements.append(_allow("", list(named.actions), _arns(named.resources, account_id, region, clusters)))
        kept = [
            f"arn:aws:logs:{region}:{account_id}:log-group:{name}{end}"
            for name in map(names.log_group, clusters)
            for end in ("", ":*")
        ]
        statements.append(
            {"Sid": "ButNotThePermanentOnes", "Effect": "Deny", "Action": list(named.actions), "Resource": kept}
        )
    return {"Version": "2012-10-17", "Statement": statements}


def owned(account_id: str, region: str, clusters: list[str]) -> dict[str, Any]:
    """Deletions by the tag whose key names the cluster: one statement each."""
    scoped = [each for each in writing() if Scope.OWNED in each.scopes]
    actions = sorted({action for each in scoped for action in each.actions})
    resources = [f"arn:aws:ec2:{region}:*:*", f"arn:aws:elasticloadbalancing:{region}:{account_id}:*"]
    statements = [
        {
            **_allow("", actions, resources),
            "Condition": {"StringEquals": {f"aws:ResourceTag/{Scope.OWNED.value}{cluster}": "owned"}},
        }
        for cluster in clusters
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def reading() -> set[str]:
    """The actions of all probes."""
    return {action for kind in KINDS for action in kind.reads.actions}


def writing() -> list[Permission]:
    """The permissions of all deletions."""
    return [permission for kind in KINDS for permission in kind.writes]


def _arns(resources: Iterable[str], account_id: str, region: str, clusters: list[str]) -> list[str]:
    filled = [each.replace("@region@", region).replace("@account_id@", account_id) for each in resources]
    return [
        f"arn:aws:{each.replace('@cluster@', cluster)}"
        for each in filled
        for cluster in (clusters if "@cluster@" in each else [""])
    ]


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {**({"Sid": sid} if sid else {}), "Effect": "Allow", "Action": actions, "Resource": resources}
