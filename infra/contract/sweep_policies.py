"""Which IAM actions the sweep's calls need, the condition that scopes each, and the policy documents made of them.

The teardown declares permissions next to its calls; the permanent layer grants them, from `sweep_permissions.json`, in
which the declarations are written down (`make golden`; a test compares), so that it need not know the teardown.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.contract import controller_tags, names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

DECLARED = Path(__file__).with_name("sweep_permissions.json")

ZONE_ACTIONS = ("route53:GetHostedZone", "route53:ListResourceRecordSets")
"""Of the zones alone. The load balancers are listed as the probes list them."""


class Scope(Enum):
    """What an action is bounded by: AWS evaluates it on the tags of what is touched."""

    NONE = ""
    """Lists and describes, which no tag can bound (service authorization reference)."""
    CONTROLLER = controller_tags.CONTROLLER
    CNI = controller_tags.CNI
    CSI = controller_tags.CSI
    NODES = controller_tags.AUTO_MODE
    """Karpenter's and EKS Auto Mode's."""
    OWNED = controller_tags.CLUSTER_PREFIX
    """The key and not the value names the cluster."""
    NAME = "name"
    """By ARN: the log groups of the cluster."""


@dataclass(frozen=True)
class Permission:
    """Actions on a kind of resource."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    """ARNs without `arn:aws:`, with @region@, @account_id@ and @cluster@ to be filled in."""
    scopes: tuple[Scope, ...] = (Scope.NONE,)
    """Any of these is enough."""
    tag_key: str = ""
    """Of an action that writes tags: the only key that it may write."""


TAGGED = (Scope.CONTROLLER, Scope.CNI, Scope.CSI)


@dataclass(frozen=True)
class Declared:
    """What all calls of the sweep need."""

    reads: tuple[Permission, ...]
    writes: tuple[Permission, ...]

    def to_json(self) -> str:
        """As `load` reads it."""
        return json.dumps(asdict(self), indent=2, default=lambda scope: scope.name) + "\n"


def load(path: Path = DECLARED) -> Declared:
    """What was written down."""
    document: Mapping[str, list[dict[str, Any]]] = json.loads(path.read_text("utf-8"))
    return Declared(*(tuple(_permission(each) for each in document[key]) for key in ("reads", "writes")))


def _permission(fields: dict[str, Any]) -> Permission:
    scopes = tuple(Scope[name] for name in fields["scopes"])
    return Permission(tuple(fields["actions"]), tuple(fields["resources"]), scopes, fields["tag_key"])


def reads(*actions: str) -> tuple[Permission, ...]:
    """Of a listing, which AWS bounds by nothing."""
    return (Permission(actions),)


def probes(declared: Declared, account_id: str, region: str, zones: Sequence[str] = ()) -> dict[str, Any]:
    """What looking needs, the same for any cluster, in hosted zones too."""
    by_resource: dict[tuple[str, ...], set[str]] = {}
    for each in declared.reads:
        by_resource.setdefault(each.resources, set()).update(each.actions)
    statements = [
        _allow(sorted(actions), ["*"] if resources == ("*",) else _arns(resources, account_id, region, []))
        for resources, actions in sorted(by_resource.items())
    ]
    if zones:
        statements.append(_allow(list(ZONE_ACTIONS), [f"arn:aws:route53:::hostedzone/{zone}" for zone in zones]))
    return {"Version": "2012-10-17", "Statement": statements}


def leftovers(declared: Declared, account_id: str, region: str, clusters: list[str]) -> dict[str, Any]:
    """Deletions by tags whose value names the cluster, and by name, for any number of clusters."""
    statements = [each for scope in TAGGED for each in _tagged(declared, scope, account_id, region, clusters)]
    for named in (each for each in declared.writes if Scope.NAME in each.scopes):
        statements.append(_allow(list(named.actions), _arns(named.resources, account_id, region, clusters)))
        kept = [
            f"arn:aws:logs:{region}:{account_id}:log-group:{name}{end}"
            for name in map(names.log_group, clusters)
            for end in ("", ":*")
        ]
        statements.append({"Effect": "Deny", "Action": list(named.actions), "Resource": kept})
    return {"Version": "2012-10-17", "Statement": statements}


def _tagged(
    declared: Declared, scope: Scope, account_id: str, region: str, clusters: list[str]
) -> Iterator[dict[str, Any]]:
    """Deletions by a tag whose value names the cluster, a statement a service."""
    scoped = [each for each in declared.writes if scope in each.scopes and not each.tag_key]
    for service in sorted({_service(each) for each in scoped}):
        found = [each for each in scoped if _service(each) == service]
        actions = sorted({action for each in found for action in each.actions})
        resources = sorted({resource for each in found for resource in each.resources})
        allowed = _allow(actions, _arns(resources, account_id, region, clusters))
        yield {**allowed, "Condition": {"StringEquals": {f"aws:ResourceTag/{scope.value}": clusters}}}


def owned(declared: Declared, account_id: str, region: str, clusters: list[str]) -> dict[str, Any]:
    """Deletions by the tag whose key names the cluster: one statement each."""
    scoped = [each for each in declared.writes if Scope.OWNED in each.scopes]
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


def marks(declared: Declared, account_id: str, region: str, clusters: list[str]) -> dict[str, Any]:
    """The tags that are written, by their keys and onto what names the cluster; and what did not fit elsewhere."""
    statements = list(_tagged(declared, Scope.NODES, account_id, region, clusters))
    for tagging in (each for each in declared.writes if each.tag_key):
        allowed = _allow(list(tagging.actions), _arns(tagging.resources, account_id, region, clusters))
        condition = {
            "StringEquals": {f"aws:ResourceTag/{scope.value}": clusters for scope in tagging.scopes},
            "ForAllValues:StringEquals": {"aws:TagKeys": tagging.tag_key},
        }
        statements.append({**allowed, "Condition": condition})
    return {"Version": "2012-10-17", "Statement": statements}


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
