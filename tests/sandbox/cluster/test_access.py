"""Who a caller of STS is in the cluster."""

from __future__ import annotations

from sandbox.cluster import access
from sandbox.cluster.access import Entry, Policy

ADMIN = Entry(
    "arn:aws:iam::123456789012:role/teams/platform-admin",
    "arn:aws:sts::123456789012:assumed-role/platform-admin/{{SessionName}}",
    [],
    [Policy("AmazonEKSClusterAdminPolicy")],
)
VIEWER = Entry(
    "arn:aws:iam::123456789012:user/viewer",
    "viewer",
    ["watchers"],
    [Policy("AmazonEKSViewPolicy", ("applications",)), Policy("AmazonEKSEditPolicy")],
)
ENTRIES = [ADMIN, VIEWER]
NAMESPACES = ("default", "applications", "preview-1", "preview-2")


def test_a_session_is_its_roles_whatever_the_roles_path() -> None:
    user = access.user("arn:aws:sts::123456789012:assumed-role/platform-admin/a:b", ENTRIES)
    assert user
    assert user.name == "arn:aws:sts::123456789012:assumed-role/platform-admin/a-b"
    assert user.groups == ["system:masters"]


def test_policies_that_are_less_come_as_groups_with_bindings() -> None:
    user = access.user("arn:aws:iam::123456789012:user/viewer", ENTRIES)
    assert user
    assert user.groups == ["watchers", "eks:AmazonEKSViewPolicy:applications", "eks:AmazonEKSEditPolicy"]
    made = {
        (each["kind"], each["metadata"].get("namespace"), each["roleRef"]["name"])
        for each in access.bindings(ENTRIES, NAMESPACES)
    }
    assert made == {("RoleBinding", "applications", "view"), ("ClusterRoleBinding", None, "edit")}


def test_nobody_else_is_anybody() -> None:
    for arn in (
        "arn:aws:sts::123456789012:assumed-role/platform-admin-2/x",
        "arn:aws:sts::999999999999:assumed-role/platform-admin/x",
        "arn:aws:iam::123456789012:user/platform-admin",
        "arn:aws:iam::123456789012:role/viewer",
        "arn:aws:iam::123456789012:root",
    ):
        assert access.user(arn, ENTRIES) is None, arn


def test_an_administrator_of_a_namespace_is_none_of_the_cluster() -> None:
    entry = Entry(VIEWER.principal, "lead", [], [Policy("AmazonEKSClusterAdminPolicy", ("applications",))])
    user = access.user(VIEWER.principal, [entry])
    assert user
    assert "system:masters" not in user.groups
    (binding,) = access.bindings([entry], NAMESPACES)
    assert (binding["kind"], binding["roleRef"]["name"]) == ("RoleBinding", "admin")


def test_a_policy_holds_in_the_namespaces_that_are_there_and_fit_a_pattern() -> None:
    entry = Entry(VIEWER.principal, "dev", [], [Policy("AmazonEKSEditPolicy", ("preview-*", "not-yet"))])
    found = access.bindings([entry], NAMESPACES)
    assert [(each["kind"], each["metadata"]["namespace"]) for each in found] == [
        ("RoleBinding", "preview-1"),
        ("RoleBinding", "preview-2"),
    ]
