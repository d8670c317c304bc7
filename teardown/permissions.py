"""Which IAM actions a call needs, and the condition that scopes each: declared beside the calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from teardown import claim


class Scope(Enum):
    """What an action is bounded by: AWS evaluates it on the tags of what is touched."""

    NONE = ""
    """Lists and describes, which no tag can bound (service authorization reference)."""
    CONTROLLER = claim.CONTROLLER
    CNI = claim.CNI
    CSI = claim.CSI
    NODES = claim.AUTO_MODE
    """Karpenter's and EKS Auto Mode's."""
    OWNED = claim.CLUSTER_PREFIX
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


def reads(*actions: str) -> tuple[Permission, ...]:
    """Of a listing, which AWS bounds by nothing."""
    return (Permission(actions),)
