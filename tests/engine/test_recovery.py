"""A rebuild that is killed while it makes things: the next night finds all of it, and leaves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.kills import PACE, Point, killed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.rehearsals import Result, Sandbox

pytestmark = pytest.mark.engine

POINTS = (
    Point("CreateVpc"),
    Point("AllocateAddress"),
    Point("CreateLaunchTemplate"),
    Point("CreateRole", 2),
    Point("CreatePolicy"),
    Point("CreateInternetGateway"),
    Point("CreateRouteTable", 2),
    Point("CreateSubnet", 3),
    Point("CreateSecurityGroup"),
    Point("AttachRolePolicy", 2),
    Point("AssociateRouteTable", 2),
    Point("CreateVpcEndpoint"),
    Point("CreateRoute"),
    Point("CreateNatGateway"),
    Point("CreateInstanceProfile"),
    Point("AuthorizeSecurityGroupEgress"),
    Point("RunInstances"),
    Point("CreateCluster"),
    Point("CreateOpenIDConnectProvider"),
    Point("CreateAccessEntry"),
    Point("AssociateAccessPolicy"),
    Point("AuthorizeSecurityGroupIngress"),
    Point("CreatePodIdentityAssociation"),
    *(Point("CreateAddon", number) for number in range(1, 7)),
    Point("CreateNodegroup"),
)
"""Spread over the graph of a stack with a jump box: each type that the stack makes, each add-on."""

QUICK = ("--deadline=3", "--reads=2", "--pause=1")


def night(sandbox: Sandbox) -> Result:
    """As the workflow runs it."""
    return sandbox.run("teardown", "--", "run", "--yes", "--recover", *QUICK, **PACE)


@pytest.mark.long
@pytest.mark.parametrize("parent_alone", [False, True], ids=["all-processes", "the-engine-alone"])
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_rebuild_that_was_killed_is_gone_after_one_night(point: Point, parent_alone: bool, paced: Sandbox) -> None:
    before = paced.census()
    killed(paced, point, "up", "--", "--skip-preview", parent_alone=parent_alone)
    ended = night(paced)
    assert ended.code == 0, ended.text
    assert paced.census() == before


@pytest.fixture(scope="module")
def paced(make_paced: Callable[[], Sandbox]) -> Sandbox:
    return make_paced()
