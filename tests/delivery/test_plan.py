"""What a reviewer reads of a preview."""

from __future__ import annotations

from typing import Any

from delivery import plan
from tests.delivery.digests import Document, digest, replaced, step, tagged, urn

CLUSTER, GROUP = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"
ROLE = "aws:iam/role:Role"


def with_needs(made: Document, *needs: str) -> Document:
    for key in ("oldState", "newState"):
        if key in made:
            made[key]["dependencies"] = list(needs)
    return made


def replaced_cluster() -> Document:
    detail = {"name": {"kind": "update-replace"}}
    return step(
        "replace", "cluster", {"name": "a"}, {"name": "b"}, kind=CLUSTER, replaceReasons=["name"], detailedDiff=detail
    )


def test_components_and_providers_do_not_count() -> None:
    component: Document = step("create", "network", None, {}, kind="infra-fleet:index:Network")
    component["newState"]["custom"] = False
    found = plan.of(
        digest(
            component,
            step("update", "aws", {"region": "a"}, {"region": "b"}, kind="pulumi:providers:aws"),
            step("create", "stack", None, {}, kind="pulumi:pulumi:Stack"),
            tagged("vpc"),
            same=3,
        )
    )
    assert found.line == "1 updated, 3 unchanged"
    assert [each.label for each in found.changed] == ["Vpc vpc"]


def test_a_replacement_in_three_steps_is_one() -> None:
    steps = [replaced("a") | {"op": op} for op in ("create-replacement", "replace", "delete-replaced")]
    found = plan.of(digest(*steps))
    assert found.counts == {"replace": 1}
    assert found.changed[0].forced_by == ("cidrBlock",)


def test_what_hangs_on_a_replaced_resource_is_named_the_nearest_first() -> None:
    cluster, group = urn("cluster", CLUSTER), urn("default", GROUP)
    found = plan.of(
        digest(
            replaced_cluster(),
            with_needs(step("replace", "default", {}, {}, kind=GROUP), cluster),
            with_needs(step("same", "coredns", {}, {}, kind="aws:eks/addon:Addon"), group),
            with_needs(step("same", "alone", {}, {}, kind="aws:eks/addon:Addon")),
        )
    )
    first, second = found.changed
    assert (first.label, first.hangs_on) == ("Cluster cluster", ("NodeGroup default", "Addon coredns"))
    assert (second.label, second.because) == ("NodeGroup default", "the replacement of Cluster cluster")


def test_the_line_says_the_danger_the_worst_first() -> None:
    role = step("delete", "pods", {"assumeRolePolicy": "sts:AssumeRoleWithWebIdentity"}, kind=ROLE)
    nodes = step("delete", "node", {"assumeRolePolicy": "ec2.amazonaws.com"}, kind=ROLE)
    found = plan.of(digest(nodes, role, replaced_cluster(), same=53))
    assert found.line == (
        "1 replaced, 2 deleted (cluster: 20 min without it; role of a ServiceAccount deleted), 53 unchanged"
    )
    assert [each.name for each in found.changed] == ["cluster", "pods", "node"]


def test_an_update_means_something_where_nodes_are_renewed() -> None:
    def updated(path: str) -> Any:
        top = path.partition(".")[0]
        return step("update", "n", {top: 1}, {top: 2}, kind=GROUP, detailedDiff={top: {"kind": "update"}})

    (renewed,) = plan.of(digest(updated("launchTemplate"))).changed
    (scaled,) = plan.of(digest(updated("scalingConfig"))).changed
    assert renewed.means == "Nodes are renewed one at a time: each pod is evicted once."
    assert scaled.means == ""


def test_a_tag_is_not_told_twice_for_both_lists_of_tags() -> None:
    old, new = {"tags": {}, "tagsAll": {"x": "1"}}, {"tags": {"o": "me"}, "tagsAll": {"x": "1", "o": "me"}}
    detail = {"tags.o": {"kind": "add"}, "tagsAll.o": {"kind": "add"}}
    (found,) = plan.of(digest(step("update", "vpc", old, new, detailedDiff=detail))).changed
    assert [change.path for change in found.changes] == ["tags.o"]


def test_what_forces_a_replacement_is_never_taken_out_of_it() -> None:
    found = plan.of(digest(*(replaced(f"r{number}") for number in range(5))))
    assert found.shared == ()
    assert all(each.changes for each in found.changed)


def test_the_order_does_not_depend_on_the_engine_s() -> None:
    steps = [tagged("b"), tagged("a", "you"), replaced("d"), replaced("c")]
    assert plan.of(digest(*steps)) == plan.of(digest(*reversed(steps)))
