"""Nights on the real engine: destroy alone blocks as on AWS, the teardown ends it, and the morning builds again."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from infra.contract import names
from sandbox.account import census, faults, leftovers, strangers
from sandbox.account.clients import client
from sandbox.account.leftovers import Maker, Place
from teardown import time_budget
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.rehearsals import Result, Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]

QUICK = ("--deadline=3", "--reads=2", "--pause=0")
"""The account's own things go at once."""


def place(sandbox: Sandbox, cluster: str = "staging") -> Place:
    """Where the stack's load balancers would lie."""
    outputs = sandbox.outputs()
    return Place(cluster, outputs["vpc_id"], outputs["private_subnet_ids"], f"{outputs['aws_region']}a")


def leave(sandbox: Sandbox, seed: int = 0, cluster: str = "staging") -> None:
    leftovers.leave(Maker(sandbox.account, f"{seed} {cluster}"), place(sandbox, cluster), count=2)


def night(sandbox: Sandbox, *arguments: str) -> Result:
    return sandbox.run("teardown", "--", "run", "--yes", *QUICK, *arguments)


def test_destroy_alone_blocks_and_the_teardown_ends_it(sandbox: Sandbox) -> None:
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up", "--", "--skip-preview")
    leave(sandbox)
    alone = sandbox.run("destroy", "--", "--skip-preview")
    assert alone.code != 0
    assert "DeleteSubnet: DependencyViolation: The subnet 'subnet-" in alone.out

    ended = night(sandbox, "--json")
    assert ended.code == 0, ended.text
    told = json.loads(ended.out)
    assert told["good"]
    assert {row["by"] for row in told["swept"]} >= {"load balancer controller", "VPC CNI", "EBS CSI driver, for data-1"}
    assert sandbox.census() == before
    sandbox.succeed("up", "--", "--skip-preview")
    leave(sandbox, seed=1)
    # A refresh writes down what holds the address. What has ended, EC2 does not let the deploy role end.
    sandbox.succeed("refresh", "--", "--skip-preview")
    faults.write(sandbox.folder.faults, [faults.Rule("UnauthorizedOperation", "ec2", "DisassociateAddress")])
    try:
        ended = night(sandbox)
    finally:
        faults.write(sandbox.folder.faults, [])
    assert ended.code == 0, ended.text
    assert sandbox.census() == before


def test_what_is_in_the_next_vpc_is_untouched(make_sandbox: Callable[..., Sandbox]) -> None:
    """staging-2 lives next to staging: a stack of its own, with what its controllers made."""
    sandbox = make_sandbox("two")
    second = make_sandbox("unused", "staging-2", clusterName="staging-2", vpcCidr="10.64.0.0/16")
    second = type(second)(sandbox.folder, "staging-2")
    second.configure(clusterName="staging-2", vpcCidr="10.64.0.0/16")
    second.succeed("up", "--", "--skip-preview")
    leave(second, cluster="staging-2")
    before = second.census()
    sandbox.configure()
    sandbox.succeed("up", "--", "--skip-preview")
    leave(sandbox)
    ended = night(sandbox)
    assert ended.code == 0, ended.text
    assert second.census() == before
    assert night(second).code == 0


def test_a_night_beside_foreign_things_ends_clean_and_touches_none(own_sandbox: Sandbox) -> None:
    """In another VPC under our tags, in another region, of a cluster named almost like ours, with recovery and without.

    The next nights know no VPC any more, since the state is empty: they list what carries our tags.
    """
    sandbox = own_sandbox
    sandbox.succeed("up", "--", "--skip-preview")
    account = sandbox.account
    leave(sandbox)
    foreign = strangers.outside(Maker(account, "strangers"), place(sandbox))
    regions = (account.region, *strangers.REGIONS)

    def told() -> dict[str, dict[str, dict[str, str]]]:
        return {region: census.take_deep(account.endpoint, region) for region in regions}

    with_stack = told()
    ended = night(sandbox, "--recover")
    assert ended.code == 0, ended.text
    assert "not touched, because in vpc-" in ended.text
    after = told()
    for region, kinds in after.items():
        for kind, things in kinds.items():
            assert things.items() <= with_stack[region][kind].items(), (region, kind)
    assert all(any(key in kinds[kind] for kinds in after.values()) for kind, ids in foreign.items() for key in ids)
    for options in ((), ("--recover",)):
        listed = night(sandbox, *options)
        assert listed.code == 1, listed.text
        assert "the cluster's VPC is not known: --vpc names it" in listed.text
        assert told() == after


STEPS = {
    "drain": "suspend Flux",
    "sweep": "what controllers left",
    "destroy": "deleting",
    "verify": "nothing is left",
}
"""Step → what the line that begins it says."""


SAMPLE = [step if step in ("drain", "destroy") else pytest.param(step, marks=pytest.mark.long) for step in STEPS]


@pytest.mark.parametrize("step", SAMPLE)
def test_a_night_that_is_killed_is_finished_by_the_next(sandbox: Sandbox, step: str) -> None:
    """SIGKILL as a step begins; what pulumi holds then is shown, and freed on demand."""
    assert killed(sandbox, lambda _number, line: STEPS[step] in line)


@pytest.mark.long
def test_a_night_may_be_killed_at_any_line_that_it_prints(sandbox: Sandbox) -> None:
    points = 0
    while killed(sandbox, lambda number, _line, at=points: number == at):
        points += 5
    assert points > len(STEPS) * 5
    print(f"killed at {points // 5} points")  # noqa: T201  # the test's figure


def killed(sandbox: Sandbox, here: Callable[[int, str], bool]) -> bool:
    """A night that is killed at a line of its own choice, and the one after it; whether there was such a line."""
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up", "--", "--skip-preview")
    leave(sandbox)
    child = subprocess.Popen(
        sandbox.command("teardown", "--", "run", "--yes", *QUICK),
        cwd=REPOSITORY,
        env={**os.environ, **sandbox.engine},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr
    struck = any(here(number, line) for number, line in enumerate(child.stderr))
    if struck:
        _kill(child)
    ended = night(sandbox)
    if "with --recover" in ended.text:
        assert "staging is locked by" in ended.text or "a run was killed at" in ended.text
        ended = night(sandbox, "--recover")
    assert ended.code == 0, ended.text
    assert sandbox.census() == before
    return struck


def test_a_night_that_runs_out_of_time_ends_with_a_report_and_the_next_finishes_it(sandbox: Sandbox) -> None:
    """Before its job would be killed: pulumi is interrupted, and writes down how far it came."""
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up", "--", "--skip-preview")
    leave(sandbox)
    faults.write(sandbox.folder.faults, [faults.Rule(faults.NONE, "ec2", "Delete*", latency=4.0)])
    try:
        late = night(sandbox, f"--within={time_budget.REPORT + 30:.0f}", "--json")
    finally:
        faults.write(sandbox.folder.faults, [])
    assert late.code == 1, late.text
    told = json.loads(late.out)
    assert "pulumi destroy failed: it did not end within " in told["failure"]
    assert told["steps"][-1]["name"] == "verify"
    assert told["left"]
    ended = night(sandbox, "--recover")
    assert ended.code == 0, ended.text
    assert sandbox.census() == before


def test_a_cluster_that_somebody_deleted_by_hand_is_no_obstacle(sandbox: Sandbox) -> None:
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up", "--", "--skip-preview")
    leave(sandbox)
    account = sandbox.account
    eks = client("eks", endpoint=account.endpoint, region=account.region)
    for name in eks.list_nodegroups(clusterName="staging")["nodegroups"]:
        eks.delete_nodegroup(clusterName="staging", nodegroupName=name)
    eks.delete_cluster(name="staging")
    ended = night(sandbox)
    assert ended.code == 0, ended.text
    assert "the cluster is gone: skipping the drain, the sweep deletes" in ended.text
    assert sandbox.census() == before


def test_the_day_on_a_laptop_that_the_docs_show_ends_green(sandbox: Sandbox) -> None:
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up", "--", "--skip-preview")
    made = subprocess.run(
        [sys.executable, "-m", "fleet", "sandbox", "leftovers", f"--folder={sandbox.folder.root}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert "load balancer: 2" in made.stderr
    assert "not to be touched" not in made.stderr
    assert "blocks the VPC" not in made.stderr
    ended = night(sandbox)
    assert ended.code == 0, ended.text
    assert sandbox.census() == before


def versions(sandbox: Sandbox) -> list[dict[str, Any]]:
    return json.loads(sandbox.succeed("teardown", "--", "history", "--json", "--limit=10").out)


@pytest.mark.parametrize("loss", ["deleted", "overwritten"])
def test_a_state_that_was_lost_is_brought_back_and_the_night_ends_clean(own_sandbox: Sandbox, loss: str) -> None:
    sandbox = own_sandbox
    sandbox.prepare()
    before = sandbox.census()
    sandbox.succeed("up", "--", "--skip-preview")
    leave(sandbox)
    account = sandbox.account
    s3 = client("s3", endpoint=account.endpoint, region=account.region)
    where = {
        "Bucket": names.state_bucket(account.account_id, account.region),
        "Key": f".pulumi/stacks/{names.PROJECT}/staging.json",
    }
    good = versions(sandbox)[0]
    assert good["latest"]
    assert good["content"]["resources"] > 50
    if loss == "deleted":
        s3.delete_object(**where)
    else:
        empty = {"version": 3, "checkpoint": {"stack": f"organization/{names.PROJECT}/staging", "latest": None}}
        s3.put_object(**where, Body=json.dumps(empty).encode())

    # The sandbox's next command makes a stack that has no state, as `pulumi stack init` does.
    newest, *others = versions(sandbox)
    assert newest["content"]["resources"] == 0
    assert any(each["deleted"] for each in others) is (loss == "deleted")
    shown = sandbox.succeed("teardown", "--", "restore", good["id"])
    assert "--yes does it" in shown.text
    assert versions(sandbox)[0] == newest
    done = sandbox.succeed("teardown", "--", "restore", good["id"], "--yes")
    assert "is the newest version of staging's state" in done.text
    again = sandbox.succeed("teardown", "--", "restore", good["id"], "--yes")
    assert "nothing to do" in again.text
    assert versions(sandbox)[0]["content"] == good["content"]

    ended = night(sandbox)
    assert ended.code == 0, ended.text
    assert sandbox.census() == before


def _kill(child: subprocess.Popen[str]) -> None:
    """The command and all that it started, with no time to say goodbye."""
    processes = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(processes)
    child.wait()
