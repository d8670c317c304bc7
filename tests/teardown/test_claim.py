"""Whose something is: the exact cluster's, by any family of tags; shared and others' things never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teardown import claim
from teardown.claim import Claim

NAMES = st.sampled_from(["staging", "staging-2", "stagin", "prod", "staging.", "STAGING"])
KEYS = st.sampled_from([*claim.FAMILIES, "Name", "elbv2.k8s.aws/resource", "ingress.k8s.aws/stack"])
TAGS = st.dictionaries(KEYS, NAMES, max_size=3)
OWNED = st.dictionaries(NAMES.map(lambda name: f"{claim.CLUSTER_PREFIX}{name}"), st.sampled_from(["owned", "shared"]))


@given(TAGS, OWNED, st.booleans(), st.booleans())
def test_only_what_names_the_cluster_and_no_other_is_ours(
    tags: dict[str, str], owned: dict[str, str], in_vpc: bool, named: bool
) -> None:
    """The reference: all names that any family gives, as a set."""
    every = tags | owned
    names = {tags[key] for key in claim.FAMILIES if key in tags}
    names |= {key.removeprefix(claim.CLUSTER_PREFIX) for key, value in owned.items() if value == "owned"}
    found = claim.claim(every, "staging", in_vpc=in_vpc, named=named)
    if "shared" in owned.values():
        assert found is Claim.SHARED
    elif names == {"staging"}:
        assert found is Claim.OURS
    elif names:
        assert found is Claim.OTHERS
    else:
        marked = named or any(key.startswith(claim.MARKS) for key in tags)
        assert found is (Claim.OURS if marked and in_vpc else Claim.NOBODYS)


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("eks-cluster-sg-staging-1234567890", True),
        ("eks-cluster-sg-staging-2-1234567890", False),
        ("k8s-traffic-staging-0123456789", True),
        ("k8s-traffic-staging-2-0123456789", False),
        ("k8s-elb-a0123456789abcdef0123456789abcde", True),
        ("people", False),
    ],
)
def test_groups_are_known_by_the_exact_name(name: str, is_ours: bool) -> None:
    assert claim.is_group_named(name, "staging") is is_ours


def test_a_cluster_s_name_is_no_pattern() -> None:
    assert not claim.is_group_named("eks-cluster-sg-stagingX-1234567890", "staging.")
