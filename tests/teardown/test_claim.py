"""Whose something is: kind, tags, name and VPC together. What is another's, shared or in another VPC is never taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.contract import controller_tags
from teardown import claim, probe
from teardown.claim import FAMILIES, NAMING, UNBOUND, Claim, Means
from teardown.kinds.base import Leftover
from teardown.kinds.network import VOLUME
from teardown.kinds.stack import VPC
from teardown.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE, THERE = "vpc-1", "vpc-2"
TARGET = Target("111122223333", "eu-west-2", "staging", "staging", HERE)
BLIND = replace(TARGET, vpc_id="")
OWNED = {"kubernetes.io/cluster/staging": "owned"}
STACKS = {"project": "infra-fleet", "cluster": "staging"}
NAMES = ["staging", "staging-2", "stagin", "prod", "staging.", "Staging", ""]


def tags_of(family: claim.Family, cluster: str = "staging") -> dict[str, str]:
    """A tag of a family, as its writer writes it for a cluster."""
    key, _, value = family.key.replace("<cluster>", cluster).partition(" = ")
    return {key.replace("*", "stack"): value or cluster}


ROWS = pytest.mark.parametrize("family", FAMILIES, ids=[family.key for family in FAMILIES])


@ROWS
def test_each_family_of_tags_alone_says_what_the_table_says(family: claim.Family) -> None:
    tags = tags_of(family)
    wanted = {
        Means.OWNER: (Claim.OURS, Claim.OURS, Claim.ELSEWHERE, Claim.UNPLACED),
        Means.MARK: (Claim.NOBODYS, Claim.MARKED, Claim.NOBODYS, Claim.NOBODYS),
        Means.USE: (Claim.NOBODYS, Claim.NOBODYS, Claim.NOBODYS, Claim.NOBODYS),
        Means.FOREIGN: (Claim.OTHERS, Claim.OTHERS, Claim.OTHERS, Claim.OTHERS),
    }[family.means]
    if family.key.endswith("= shared"):
        wanted = (Claim.SHARED,) * 4
    found = (
        claim.claim(tags, TARGET, UNBOUND),
        claim.claim(tags, TARGET, HERE),
        claim.claim(tags, TARGET, THERE),
        claim.claim(tags, BLIND, HERE),
    )
    assert found == wanted


@ROWS
def test_no_family_makes_something_ours_that_names_another_cluster(family: claim.Family) -> None:
    for other in ("staging-2", "Staging", "stagin"):
        for vpc in (UNBOUND, HERE, THERE):
            found = claim.claim(tags_of(family, other), TARGET, vpc)
            assert found is not Claim.OURS
            if family.means is Means.OWNER:
                assert found is Claim.OTHERS
                assert claim.claim({**tags_of(family, other), **OWNED}, TARGET, vpc) is Claim.OTHERS


@pytest.mark.parametrize(
    ("tags", "vpc", "named", "wanted"),
    [
        ({}, UNBOUND, False, Claim.NOBODYS),
        ({}, HERE, False, Claim.NOBODYS),
        ({}, HERE, True, Claim.MARKED),
        ({}, THERE, True, Claim.NOBODYS),
        ({}, "", True, Claim.NOBODYS),
        (OWNED, HERE, False, Claim.OURS),
        (OWNED, THERE, True, Claim.ELSEWHERE),
        (OWNED, "", False, Claim.ELSEWHERE),
        ({**OWNED, "kubernetes.io/cluster/other": "shared"}, HERE, True, Claim.SHARED),
        ({**OWNED, "kubernetes.io/cluster/other": "owned"}, HERE, True, Claim.OTHERS),
        ({**OWNED, "aws:cloudformation:stack-name": "eksctl"}, HERE, True, Claim.OTHERS),
        ({"kubernetes.io/cluster/staging": "Owned"}, HERE, False, Claim.NOBODYS),
        ({"Kubernetes.io/cluster/staging": "owned"}, HERE, False, Claim.NOBODYS),
        (STACKS, UNBOUND, False, Claim.STACK),
        (STACKS, HERE, False, Claim.STACK),
        (STACKS, THERE, False, Claim.ELSEWHERE),
        ({**STACKS, "cluster": "staging-2"}, HERE, False, Claim.NOBODYS),
        ({"cluster": "staging"}, HERE, False, Claim.NOBODYS),
        ({**STACKS, **OWNED}, HERE, False, Claim.OURS),
    ],
)
def test_tags_name_and_vpc_together_decide(
    tags: Mapping[str, str], vpc: str | None, named: bool, wanted: Claim
) -> None:
    assert claim.claim(tags, TARGET, vpc, named=named) is wanted


def test_the_page_shows_what_each_tag_means() -> None:
    page = (Path(__file__).parents[2] / "docs" / "teardown-tags.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 5]
    assert rows == [f"| `{each.key}` | {each.writer} | {each.on} | {each.means} |" for each in FAMILIES]


KEYS = st.one_of(
    st.sampled_from([key for family in FAMILIES for key in tags_of(family)]),
    st.sampled_from(NAMES).map(lambda name: f"kubernetes.io/cluster/{name}"),
    st.sampled_from(["Name", "project", "cluster", "KUBERNETES.IO/CLUSTER/staging"]),
)
VALUES = st.sampled_from([*NAMES, "owned", "shared", "true", "infra-fleet"])
TAGS = st.dictionaries(KEYS, VALUES, max_size=6)
VPCS = st.sampled_from([UNBOUND, HERE, THERE, ""])
TAKEN = frozenset({Claim.OURS, Claim.MARKED, Claim.STACK})


@given(TAGS, VPCS, st.booleans(), st.sampled_from([TARGET, BLIND]))
def test_whatever_the_tags_nothing_anothers_shared_or_elsewhere_is_taken(
    tags: dict[str, str], vpc: str | None, named: bool, target: Target
) -> None:
    found = claim.claim(tags, target, vpc, named=named)
    if found in TAKEN:
        assert vpc is UNBOUND or vpc == target.vpc_id == HERE
        assert "shared" not in [value for key, value in tags.items() if key.startswith(controller_tags.CLUSTER_PREFIX)]
        others = {tags[key] for key in NAMING if key in tags} - {"staging"}
        owners = {
            key for key, value in tags.items() if key.startswith(controller_tags.CLUSTER_PREFIX) and value == "owned"
        }
        assert not others
        assert owners <= {"kubernetes.io/cluster/staging"}
    if found is Claim.OURS:
        assert owners_say(tags)
    if found is Claim.STACK:
        assert (tags.get("project"), tags.get("cluster")) == ("infra-fleet", "staging")


def owners_say(tags: Mapping[str, str]) -> bool:
    """Whether a tag that means `made by` names the cluster."""
    return tags.get("kubernetes.io/cluster/staging") == "owned" or "staging" in [tags.get(key) for key in NAMING]


def test_a_mark_counts_only_where_no_other_cluster_is_in_the_vpc() -> None:
    marked = Leftover(VOLUME, "1", Claim.MARKED, vpc_id=HERE)
    theirs = Leftover(VOLUME, "2", Claim.OTHERS, vpc_id=HERE)
    assert [each.claim for each in probe.resolved([marked], TARGET)] == [Claim.OURS]
    assert [each.claim for each in probe.resolved([marked, theirs], TARGET)] == [Claim.NOBODYS, Claim.OTHERS]
    assert next(each.claim for each in probe.resolved([marked, replace(theirs, vpc_id=THERE)], TARGET)) is Claim.OURS


def test_what_is_in_another_vpc_is_left_only_where_that_vpc_carries_the_stacks_tags() -> None:
    volume = Leftover(VOLUME, "1", Claim.ELSEWHERE, vpc_id=THERE)
    second = Leftover(VPC, THERE, Claim.UNPLACED, vpc_id=THERE)
    assert [each.claim for each in probe.resolved([volume], TARGET)] == [Claim.ELSEWHERE]
    assert [each.claim for each in probe.resolved([volume, second], TARGET)] == [Claim.UNPLACED] * 2


@pytest.mark.parametrize(
    ("name", "is_named"),
    [
        ("k8s-traffic-staging-30ab2ec6d0", False),
        (claim.group_name("staging"), True),
        (claim.group_name("staging-2"), False),
        (f"{claim.group_name('staging')}0", False),
        ("eks-cluster-sg-staging-1234567890", False),
        ("k8s-elb-a0123456789abcdef0123456789abcde", True),
        ("people", False),
    ],
)
def test_groups_are_known_by_the_exact_name(name: str, is_named: bool) -> None:
    assert claim.is_group_named(name, "staging") is is_named


def test_the_name_of_the_shared_group_is_that_of_its_controller() -> None:
    """The cluster's name without what is neither letter nor digit, then ten digits of the whole name's SHA-256."""
    assert claim.group_name("staging") == "k8s-traffic-staging-e919a75364"
    assert claim.group_name("a-b") == "k8s-traffic-ab-d44362d67d"


@pytest.mark.parametrize(
    ("description", "tags", "is_made"),
    [
        ("aws-K8S-i-0123456789abcdef0", {}, True),
        ("aws-k8s-branch-eni", {}, True),
        ("aws-K8S-i-0123456789abcdef0 of mine", {}, False),
        ("", {"node.k8s.amazonaws.com/createdAt": "2026-01-01T00:00:00Z"}, True),
        ("", {"node.k8s.amazonaws.com/instance_id": "i-1", "eks:eni:owner": "amazon-vpc-cni"}, False),
        ("aws-K8S-i-0123456789abcdef0", {"node.k8s.amazonaws.com/no_manage": "true"}, False),
    ],
)
def test_interfaces_are_made_by_the_vpc_cni_if_described_or_stamped_so(
    description: str, tags: dict[str, str], is_made: bool
) -> None:
    assert claim.is_interface_made(description, tags) is is_made


@pytest.mark.parametrize(
    ("description", "requester", "is_eks"),
    [
        ("Amazon EKS staging", "AROAEXAMPLE:AmazonEKS", True),
        ("Amazon EKS staging-2", "AROAEXAMPLE:AmazonEKS", False),
        ("Amazon EKS staging", "", False),
        ("Amazon EKS staging", "AIDAEXAMPLE", False),
    ],
)
def test_an_interface_of_the_control_plane_is_known_by_who_asked_for_it(
    description: str, requester: str, is_eks: bool
) -> None:
    """Anybody can write the description."""
    assert claim.is_eks_interface(description, requester, "staging") is is_eks
