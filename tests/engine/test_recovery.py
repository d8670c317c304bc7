"""A rebuild that is killed while it makes things: the next night finds all of it, and leaves nothing."""

from __future__ import annotations

import json
import random
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra.contract import names
from sandbox import pace
from sandbox.account.clients import client
from teardown.recovery import export_file
from tests.support.kills import PACE, Point, killed, killed_at_line
from tests.teardown.recovery.test_finders import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.rehearsals import Result, Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]

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

SAMPLE = (Point("CreateNodegroup"), *random.Random(16).sample(POINTS[:-1], 3))  # noqa: S311  # a choice of tests
"""The others are long; a cluster that is being made is the one of the recovery that is killed."""

EDGES = ("type", "parent", "provider", "deletedWith", "protect")
LISTS = ("dependencies", "replaceWith")
"""What decides in which order, and whether, a resource is destroyed; with `propertyDependencies`."""

QUICK = ("--deadline=3", "--reads=2", "--pause=1")


def night(sandbox: Sandbox, *arguments: str) -> Result:
    """As the workflow runs it."""
    return sandbox.run("teardown", "--", "run", "--yes", *QUICK, *arguments, **PACE)


def recovered(sandbox: Sandbox, point: Point, *, parent_alone: bool) -> None:
    """Kill a rebuild at a point; one night leaves the account as it was before."""
    before = sandbox.census()
    killed(sandbox, point, "up", "--", "--skip-preview", parent_alone=parent_alone)
    ended = night(sandbox, "--recover")
    assert ended.code == 0, ended.text
    assert sandbox.census() == before
    assert not kept(sandbox).exists()


def kept(sandbox: Sandbox) -> Path:
    """Where a recovery keeps the export."""
    return export_file.path_of(sandbox.folder.project / ".teardown" / f"{sandbox.stack}.json")


@pytest.mark.long
@pytest.mark.parametrize("parent_alone", [False, True], ids=["every-process", "the-engine-alone"])
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_what_a_rebuild_made_before_it_was_killed_is_gone_after_one_night(
    point: Point, parent_alone: bool, paced: Sandbox
) -> None:
    recovered(paced, point, parent_alone=parent_alone)


@pytest.mark.parametrize(
    ("point", "parent_alone"),
    [(point, index % 2 == 1) for index, point in enumerate(SAMPLE)],
    ids=[str(point) for point in SAMPLE],
)
def test_a_killed_rebuild_is_gone_after_one_night(point: Point, parent_alone: bool, sandbox: Sandbox) -> None:
    sandbox.configure(jumpBox=True)
    sandbox.prepare()
    recovered(sandbox, point, parent_alone=parent_alone)


@pytest.mark.long
def test_a_cluster_that_aws_is_still_making_is_waited_for(make_sandbox: Callable[..., Sandbox]) -> None:
    """EKS refuses to delete it; at a fifth of AWS's durations it takes two and a half minutes."""
    sandbox, slow = make_sandbox("slow"), {pace.VARIABLE: "0.2"}
    sandbox.prepare(**slow)
    before = sandbox.census()
    killed(sandbox, Point("CreateCluster"), "up", "--", "--skip-preview", paced=slow)
    ended = sandbox.run("teardown", "--", "run", "--yes", "--recover", *QUICK, **slow)
    assert ended.code == 0, ended.text
    assert "waiting until AWS is done: Cluster cluster is CREATING" in ended.text
    assert sandbox.census() == before


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("Import complete.", "a recovery was killed before it read aws:"),
        pytest.param("suspend Flux", "", marks=pytest.mark.long),
    ],
    ids=["after-the-import", "after-the-refresh"],
)
def test_a_recovery_that_is_killed_is_finished_by_the_next(line: str, refusal: str, sandbox: Sandbox) -> None:
    """Without the kept export too: the next job is on another machine."""
    sandbox.prepare()
    before = sandbox.census()
    killed(sandbox, Point("CreateCluster"), "up", "--", "--skip-preview")
    killed_at_line(sandbox, line, "teardown", "--", "run", "--yes", "--recover", *QUICK)
    assert "CREATE" in kept(sandbox).read_text().upper()
    kept(sandbox).unlink()
    if refusal:
        refused = night(sandbox)
        assert refused.code == 1
        assert refusal in refused.text
        assert "run this again with --recover" in refused.text
    ended = night(sandbox, "--recover")
    assert ended.code == 0, ended.text
    assert sandbox.census() == before


RECOVER = """
import sys
from pathlib import Path
from common.aws import Aws
from common.target import prove
from teardown import capture
from teardown.recovery import adopt
folder = Path(sys.argv[1])
target = capture.of_stack(folder, "staging")
patience = adopt.Patience(looks=2, pause=0.0)
aws = prove(Aws(target.region), target, capture.state_of(folder, "staging"))
kept, remove = folder / "kept.json", lambda ids: sys.exit(f"cannot be told apart: {ids}")
adopt.recover(aws, target, folder, "staging", kept, patience=patience, remove=remove, tell=print)
"""


def test_a_stack_of_which_all_is_adopted_is_the_same_with_the_same_edges(sandbox: Sandbox) -> None:
    """As if a run had been killed at every resource at once. The id that is found is read back as the state's own."""
    sandbox.configure(jumpBox=True)
    sandbox.succeed("up", "--", "--skip-preview")
    whole = resources_of(checkpoint(sandbox))
    forget(sandbox)
    done = sandbox.run("exec", "--", sys.executable, "-c", RECOVER, str(sandbox.folder.project))
    assert done.code == 0, done.text
    after = resources_of(checkpoint(sandbox))
    assert {urn: each.get("id") for urn, each in after.items()} == {urn: each.get("id") for urn, each in whole.items()}
    for urn, each in whole.items():
        assert edges_of(after[urn]) == edges_of(each), urn
    for urn, each in after.items():
        if each["type"] in FORMS:
            label = f"{each['type'].rpartition(':')[2]} {urn.rpartition('::')[2]}"
            assert re.search(rf"^{re.escape(label)}: adopted as {FORMS[each['type']]}$", done.out, re.MULTILINE), label


def edges_of(entry: dict[str, Any]) -> dict[str, Any]:
    """What decides the order. Empty is none, which an import leaves out; the order within a list means nothing."""
    listed: dict[str, list[str]] = {name: entry.get(name) or [] for name in LISTS}
    listed |= {f"on {name}": urns for name, urns in entry.get("propertyDependencies", {}).items()}
    found = {**{name: entry.get(name) for name in EDGES}, **{name: sorted(urns) for name, urns in listed.items()}}
    return {name: value for name, value in found.items() if value}


def checkpoint(sandbox: Sandbox) -> dict[str, Any]:
    """The state's file in its bucket."""
    s3, where = _state(sandbox)
    return json.loads(s3.get_object(**where)["Body"].read())


def forget(sandbox: Sandbox) -> None:
    """Make all that is of AWS a pending creation: `pulumi stack import` takes no pending operations."""
    s3, where = _state(sandbox)
    document = checkpoint(sandbox)
    latest = document["checkpoint"]["latest"]
    made = [each for each in latest["resources"] if each["type"] in FORMS]
    latest["resources"] = [each for each in latest["resources"] if each["type"] not in FORMS]
    unknown = ("id", "outputs", "created", "modified")
    latest["pending_operations"] = [
        {"type": "creating", "resource": {key: value for key, value in each.items() if key not in unknown}}
        for each in reversed(made)
    ]
    s3.put_object(**where, Body=json.dumps(document).encode())


def resources_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """URN → resource."""
    return {each["urn"]: each for each in document["checkpoint"]["latest"]["resources"]}


def _state(sandbox: Sandbox) -> tuple[Any, dict[str, str]]:
    account = sandbox.account
    s3 = client("s3", endpoint=account.endpoint, region=account.region)
    bucket = names.state_bucket(account.account_id, account.region)
    return s3, {"Bucket": bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{sandbox.stack}.json"}
