"""Who a principal of the account is in the cluster: EKS's access entries, as Kubernetes users and groups.

Source: EKS user guide, "Grant IAM users access to Kubernetes with EKS access entries" and "Review access policy
permissions".
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

ADMINISTRATORS = "system:masters"
"""What EKS's own authorizer lets a cluster administrator do, this group may."""

POLICY_ROLES: Mapping[str, str] = {
    "AmazonEKSAdminPolicy": "admin",
    "AmazonEKSEditPolicy": "edit",
    "AmazonEKSViewPolicy": "view",
    "AmazonEKSAdminViewPolicy": "view",
}
"""Access policy → the ClusterRole of Kubernetes that comes nearest."""

CLUSTER_ADMIN = "AmazonEKSClusterAdminPolicy"


@dataclass(frozen=True)
class Policy:
    """An associated access policy; without namespaces it holds for the whole cluster."""

    name: str
    namespaces: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The group that stands for it in bindings."""
        return f"eks:{self.name}" + (f":{','.join(self.namespaces)}" if self.namespaces else "")


@dataclass(frozen=True)
class Entry:
    """An access entry and the access policies that are associated with it."""

    principal: str
    username: str
    groups: Sequence[str]
    policies: Sequence[Policy]


@dataclass(frozen=True)
class User:
    """The user that the API server is told of."""

    name: str
    groups: Sequence[str]


def principal(caller_arn: str) -> tuple[str, str, str]:
    """What identifies a caller of STS: its account, `role/NAME` or `user/NAME` without path, and its session's name.

    STS gives an assumed role without its path, so that only its name can be compared.
    """
    _, _, _, _, account, resource = caller_arn.split(":", 5)
    kind, _, rest = resource.partition("/")
    if kind == "assumed-role":
        role, _, session = rest.partition("/")
        return account, f"role/{role}", session
    return account, f"{kind}/{rest.rpartition('/')[2]}" if rest else kind, ""


def user(caller_arn: str, entries: Sequence[Entry]) -> User | None:
    """The Kubernetes user that a caller is; None without an access entry."""
    account, identity, session = principal(caller_arn)
    for entry in entries:
        if principal(entry.principal)[:2] == (account, identity):
            # EKS takes the colons of a session's name out.
            name = entry.username.replace("{{SessionName}}", session.replace(":", "-"))
            return User(name, [*entry.groups, *(_group(policy) for policy in entry.policies)])
    return None


def _group(policy: Policy) -> str:
    return ADMINISTRATORS if policy.name == CLUSTER_ADMIN and not policy.namespaces else policy.group


def bindings(entries: Sequence[Entry], namespaces: Collection[str]) -> list[dict[str, Any]]:
    """The role bindings that the entries' access policies come to, except those of administrators.

    Args:
        entries: of the cluster.
        namespaces: that are there. EKS takes any name, and `*` as the rest of one; a binding needs its namespace.
    """
    wanted = {policy for entry in entries for policy in entry.policies if _group(policy) != ADMINISTRATORS}
    made: list[dict[str, Any]] = []
    for policy in sorted(wanted, key=lambda policy: policy.group):
        role = "admin" if policy.name == CLUSTER_ADMIN else POLICY_ROLES.get(policy.name)
        if role is None:
            continue
        there = [each for each in namespaces if any(fnmatchcase(each, pattern) for pattern in policy.namespaces)]
        made += [_binding(policy, role, namespace) for namespace in (there if policy.namespaces else ("",))]
    return made


def _binding(policy: Policy, role: str, namespace: str) -> dict[str, Any]:
    metadata = {"name": policy.group.lower().replace(",", "-")} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": policy.group}],
    }
