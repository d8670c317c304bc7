"""Who may use the cluster, and where: administrators, and below them viewers and editors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import recorder

if TYPE_CHECKING:
    from tests.support.recorder import Recording

ROLE = "arn:aws:iam::123456789012:role"
POLICIES = "arn:aws:eks::aws:cluster-access-policy"
TEAM = {"role": f"{ROLE}/team-a", "namespaces": ["team-a", "preview-*"]}


def run(**settings: object) -> Recording:
    return recorder.run_stack({**recorder.CONFIG, **settings}, preview=False)


def granted(stack: Recording) -> set[tuple[str, str, str]]:
    """Role, policy and scope of each association; namespaces are joined by commas."""
    return {
        (
            entry.inputs["principalArn"].rpartition("/")[2],
            entry.inputs["policyArn"].rpartition("/")[2],
            ",".join(entry.inputs["accessScope"].get("namespaces", ())) or entry.inputs["accessScope"]["type"],
        )
        for entry in stack.all("AccessPolicyAssociation")
    }


ADMINISTRATORS = {
    ("infra-fleet-deploy", "AmazonEKSClusterAdminPolicy", "cluster"),
    ("platform-admin", "AmazonEKSClusterAdminPolicy", "cluster"),
}


def test_by_default_there_are_administrators_alone() -> None:
    stack = run()
    assert granted(stack) == ADMINISTRATORS
    assert {entry.name for entry in stack.all("AccessEntry")} == {"infra-fleet-deploy", "platform-admin"}


def test_viewers_and_editors_have_policies_below_administrator_in_the_cluster_or_in_namespaces() -> None:
    stack = run(clusterViewers=[f"{ROLE}/developers", TEAM], clusterEditors=[TEAM])
    assert granted(stack) - ADMINISTRATORS == {
        ("developers", "AmazonEKSViewPolicy", "cluster"),
        ("team-a", "AmazonEKSViewPolicy", "team-a,preview-*"),
        ("team-a", "AmazonEKSEditPolicy", "team-a,preview-*"),
    }
    # EKS takes one entry for a principal.
    assert sorted(entry.name for entry in stack.all("AccessEntry")) == [
        "developers",
        "infra-fleet-deploy",
        "platform-admin",
        "team-a",
    ]


def test_what_a_role_has_goes_with_the_cluster() -> None:
    stack = run(clusterViewers=[f"{ROLE}/developers"], clusterEditors=[TEAM])
    cluster = stack.one("Cluster", "cluster").urn
    for entry in (*stack.all("AccessEntry"), *stack.all("AccessPolicyAssociation")):
        assert entry.deleted_with == cluster


def test_another_scope_is_never_made_before_the_old_one_is_deleted() -> None:
    """It is the same association to EKS: the deletion would take the new one."""
    stack = run(clusterViewers=[f"{ROLE}/developers"], clusterEditors=[TEAM])
    assert all(entry.delete_before_replace for entry in stack.all("AccessPolicyAssociation"))


@pytest.mark.parametrize(("editor", "count"), [(TEAM, 0), (f"{ROLE}/developers", 1)])
def test_a_preview_warns_of_editors_of_the_whole_cluster(editor: object, count: int) -> None:
    warnings = run(clusterEditors=[editor]).warnings
    assert len(warnings) == count
    assert all("role/developers may edit the whole cluster, and so read every Secret" in each for each in warnings)
