"""The policy documents that the calls need, made from what each kind declares beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.contract import names
from teardown import dns
from teardown.kinds import KINDS
from teardown.permissions import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from teardown.permissions import Permission

TAGGED = (Scope.CONTROLLER, Scope.CNI, Scope.CSI)


def probes(account_id: str, region: str, zones: Sequence[str] = ()) -> dict[str, Any]:
    """What looking needs, the same for any cluster, in hosted zones too."""
    by_resource: dict[tuple[str, ...], set[str]] = {}
    for each in (permission for kind in KINDS for permission in kind.reads):
        by_resource.setdefault(each.resources, set()).update(each.actions)
    statements = [
        _allow(sorted(actions), ["*"] if resources == ("*",) else _arns(resources, account_id, region, []))
        for resources, actions in sorted(by_resource.items())
    ]
    if zones:
        statements.append(_allow(list(dns.ACTIONS), [f"arn:aws:route53:::hostedzone/{zone}" for zone in zones]))
    return {"Version": "2012-10-17", "Statement": statements}


def leftovers(account_id: str, region: str, clusters: list[str]) -> dict[str, Any]:
    """Deletions by tags whose value names the cluster, and by name, for any number of clusters."""
    statements = [each for scope in TAGGED for each in _tagged(scope, account_id, region, clusters)]
    for named in (each for each in writing() if Scope.NAME in each.scopes):
        statements.append(_allow(list(named.actions), _arns(named.resources, account_id, region, clusters)))
        kept = [
            f"arn:aws:logs:{region}:{account_id}:log-group:{name}{end}"
            for name in map(names.log_group, clusters)
            for end in ("", ":*")
        ]
        statements.append({"Effect": "Deny", "Action": list(named.actions), "Resource": kept})
    return {"Version": "2012-10-17", "Statement": statements}


def _tagged(scope: Scope, account_id: str, region: str, clusters: list[str]) -> Iterator[dict[str, Any]]:
    """Deletions by a tag whose value names the cluster, a statement a service."""
    scoped = [each for each in writing() if scope in each.scopes and not each.tag_key]
    for service in sorted({_service(each) for each in scoped}):
        found = [each for each in scoped if _service(each) == service]
        actions = sorted({action for each in found for action in each.actions})
        resources = sorted({resource for each in found for resource in each.resources})
        allowed = _allow(actions, _arns(resources, account_id, region, clusters))
        yield {**allowed, "Condition": {"StringEquals": {f"aws:ResourceTag/{scope.value}": clusters}}}


def owned(account_id: str, region: str, clusters: list[str]) -> dict[str, Any]:
    """Deletions by the tag whose key names the cluster: one statement each."""
    scoped = [each for each in writing() if Scope.OWNED in each.scopes]
    actions = sorted({action for each in scoped for action in each.actions})
    resources = [f"arn:aws:ec2:{region}:*:*", f"arn:aws:elasticloadbalancing:{region}:{account_id}:*"]
    statements = [
        {
            **_allow(actions, resources),
            "Condition": {"StringEquals": {f"aws:ResourceTag/{Scope.OWNED.value}{cluster}": "owned"}},
        }
        for cluster in clusters
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def marks(account_id: str, region: str, clusters: list[str]) -> dict[str, Any]:
    """The tags that are written, by their keys and onto what names the cluster; and what did not fit elsewhere."""
    statements = list(_tagged(Scope.NODES, account_id, region, clusters))
    for tagging in (each for each in writing() if each.tag_key):
        allowed = _allow(list(tagging.actions), _arns(tagging.resources, account_id, region, clusters))
        condition = {
            "StringEquals": {f"aws:ResourceTag/{scope.value}": clusters for scope in tagging.scopes},
            "ForAllValues:StringEquals": {"aws:TagKeys": tagging.tag_key},
        }
        statements.append({**allowed, "Condition": condition})
    return {"Version": "2012-10-17", "Statement": statements}


def writing() -> list[Permission]:
    """The permissions of all deletions."""
    return [permission for kind in KINDS for permission in kind.writes]


def _service(permission: Permission) -> str:
    return permission.actions[0].partition(":")[0]


def _arns(resources: Iterable[str], account_id: str, region: str, clusters: list[str]) -> list[str]:
    filled = [each.replace("@region@", region).replace("@account_id@", account_id) for each in resources]
    return [
        f"arn:aws:{each.replace('@cluster@', cluster)}"
        for each in filled
        for cluster in (clusters if "@cluster@" in each else [""])
    ]


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    """Without Sid, and one resource as a string: every character counts against IAM's quota."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources if len(resources) > 1 else resources[0]}
