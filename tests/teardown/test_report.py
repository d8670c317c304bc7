"""What a report shows: what goes in its order, what stays and why, and commands for what only a person removes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.console import StepResult
from common.text import to_json
from common.world import SANDBOX_VARIABLE
from teardown import kinds, report
from teardown.claim import Claim
from teardown.kinds import balancers, identity, network, stack
from teardown.kinds.base import Leftover
from teardown.reader import Reader
from teardown.report import Report
from teardown.verify import Verdict, resources
from tests.support.printed import printed

NODE = Leftover(
    network.INSTANCE, "i-1", Claim.OURS, held="the Auto Scaling group nodes would start another", monthly=None
)
VOLUME = Leftover(network.VOLUME, "vol-1", Claim.OURS, monthly=0.53)
BALANCER = Leftover(balancers.BALANCER, "arn:lb", Claim.OURS, "shop", monthly=19.32)
ROLE = Leftover(identity.ROLE, "node role", Claim.OURS)
CLUSTER = Leftover(stack.CLUSTER, "staging", Claim.STACK, monthly=73.0)
VPC = Leftover(stack.VPC, "vpc-1", Claim.OURS)
PERSONS = Leftover(stack.NAT, "nat-9", Claim.NOBODYS, tags={"owner": "ann"}, monthly=36.5)
SHARED = Leftover(network.GROUP, "sg-9", Claim.SHARED)


@pytest.fixture(autouse=True)
def on_a_real_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report is written as for a real account, whatever a fixture of the session has set."""
    monkeypatch.delenv(SANDBOX_VARIABLE, raising=False)


def numbered(text: list[str], start: str) -> list[int]:
    return [number for number, line in enumerate(text) if line.startswith(start)]


def test_a_dry_run_has_what_goes_step_by_step_and_apart_from_it_what_stays_and_why() -> None:
    told = Report(
        "staging: would delete 2 resources",
        good=True,
        plan=[[report.row(BALANCER)], [report.row(VOLUME)]],
        stays=[report.row(NODE)],
        again="sweep --stack staging --yes",
    )
    lines = printed(told.lines())
    assert lines[0] == "would delete, step by step: 2 resources ($19.85/month)"
    assert lines[1].split() == ["STEP", "RESOURCE", "ID", "NAME", "MADE", "BY", "AGE", "COST"]
    assert [(line.split()[0], "$19.32/month" in line, "$0.53/month" in line) for line in lines[2:4]] == [
        ("1", True, False),
        ("2", False, True),
    ]
    assert lines[4] == "would stay: 1 resource ($0.00/month, 1 of unknown cost)"
    assert lines[6].endswith("unknown  the Auto Scaling group nodes would start another")
    assert lines[7:] == ["to remove what is left:", "→ fleet teardown sweep --stack staging --yes"]
    assert not any("terminate-instances" in line for line in [*lines, told.to_markdown(Reader())])


def test_what_a_person_removes_stands_in_the_order_in_which_aws_lets_it_go() -> None:
    cluster = Leftover(stack.CLUSTER, "staging", Claim.STACK)
    things = [VPC, ROLE, NODE, VOLUME, cluster, BALANCER]
    left = report.rows(things, failed=[each.title for each in things])
    told = Report("x", good=False, left=left, again="run --stack staging --yes --recover")
    vpc, role = "aws ec2 delete-vpc --vpc-id vpc-1", "aws iam delete-role --role-name 'node role'"
    place = {command: number for number, command in enumerate(told.by_hand)}
    assert place["aws eks delete-cluster --name staging"] < min(place[vpc], place[role])
    assert place["aws elbv2 delete-load-balancer --load-balancer-arn arn:lb"] < place[vpc]
    assert len(place) == len(things) - 1, "what its Auto Scaling group holds has no command"
    first, *by_hand = [line.removeprefix("→ ") for line in printed(told.lines()) if line.startswith("→ ")]
    assert first == "fleet teardown run --stack staging --yes --recover"
    assert by_hand == told.by_hand


def test_in_the_sandbox_every_arrow_leads_back_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Report("x", good=False, left=report.rows([BALANCER], failed=[BALANCER.title]), again="run --yes")
    monkeypatch.setenv(SANDBOX_VARIABLE, "/a/sandbox")
    arrows = [line.removeprefix("→ ") for line in printed(told.lines()) if line.startswith("→ ")]
    assert arrows[0] == "fleet sandbox teardown -- run --yes"
    assert arrows[1].startswith("fleet sandbox exec -- aws elbv2 delete-load-balancer ")


def test_what_blocks_the_vpc_is_a_line_of_its_own_and_a_dry_run_has_no_tick() -> None:
    told = Report("dry run", good=True, is_dry=True, blocking=report.blockers([PERSONS]))
    assert any(line.startswith("✗ resources of others block the VPC: 1, such as ") for line in printed(told.lines()))
    assert "resources of others block the VPC" in told.to_markdown(Reader())
    assert str(told.verdict) == "– dry run"  # noqa: RUF001  # a dash


def test_after_ctrl_c_the_exit_code_is_the_shells() -> None:
    assert Report("x", good=False, interrupted=True).exit_code == 130
    assert Report("x", good=True, interrupted=True).exit_code == 0


def test_what_the_sweep_could_not_delete_a_person_may() -> None:
    (row,) = report.rows([BALANCER], failed=["load balancer arn:lb (shop)"])
    assert row.command == "aws elbv2 delete-load-balancer --load-balancer-arn arn:lb"


def test_what_the_stack_made_and_its_state_lost_goes_by_the_teardown_and_not_by_hand() -> None:
    row = report.row(replace(VPC, claim=Claim.STACK))
    assert (row.command, row.note) == ("", "the stack's own: `run --recover` deletes it where the state has lost it")


@pytest.mark.parametrize("leftover", [replace(VPC, held="a NAT gateway is in it"), replace(BALANCER, held="x"), NODE])
def test_what_something_holds_has_no_command_and_says_what(leftover: Leftover) -> None:
    row = report.row(leftover, failed=True)
    assert (row.command, row.note) == ("", leftover.held)


def test_what_the_state_lists_pulumi_takes() -> None:
    row = report.row(VPC, {"vpc-1"})
    assert (row.command, row.note) == ("", "in the stack's state")


def test_the_places_of_kinds_are_those_of_what_must_be_gone_before() -> None:
    places = kinds.places()
    assert places.keys() == set(kinds.KINDS)
    assert all(places[before] < places[kind] for kind, every in kinds.AFTER.items() for before in every)


def test_what_blocks_the_vpc_says_why_it_is_not_deleted_who_made_it_and_what_it_costs() -> None:
    told = Report("x", good=False, blocking=report.blockers([PERSONS, SHARED]))
    lines = printed(told.lines())
    (first,) = numbered(lines, "not deleted: no ownership tag; blocks the VPC: 1 resource ($36.50/month)")
    assert "nat-9" in lines[first + 2]
    assert "owner=ann" in lines[first + 2]
    assert numbered(lines, "not deleted: tagged as shared; blocks the VPC: 1 resource")
    assert told.by_hand == []
    assert "### not deleted: no ownership tag; blocks the VPC" in told.to_markdown(Reader())


def test_costs_have_their_units_or_are_unknown() -> None:
    assert report.row(BALANCER).cost == "$19.32/month"
    assert report.row(NODE).cost == "unknown"
    assert resources([19.32, 0.53]) == "2 resources ($19.85/month)"
    assert resources([None]) == "1 resource ($0.00/month, 1 of unknown cost)"


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (Verdict((), (), ()), "verified: nothing of staging is left"),
        (Verdict((BALANCER, VOLUME), (), ()), "staging: 2 resources left ($19.85/month)"),
        (
            Verdict((), ("ec2:DescribeVolumes: x", "y"), ()),
            "staging: could not verify: ec2:DescribeVolumes: x (and 1 more)",
        ),
        (
            Verdict((VOLUME,), ("y",), ("a",)),
            "staging: 1 resource left ($0.53/month); 1 in the stack's state; could not verify: y",
        ),
        (Verdict((), (), ("a", "b")), "staging: 2 in the stack's state"),
        (
            Verdict((CLUSTER, VOLUME), (), ("a",), listed=frozenset({"staging"})),
            "staging: up, 2 resources ($73.53/month) in AWS; 1 in the stack's state",
        ),
    ],
)
def test_a_verdict_says_what_is_left_or_what_is_not_known(verdict: Verdict, line: str) -> None:
    assert verdict.line("staging") == line
    assert ("nothing" in line) == verdict.clean


def test_what_was_taken_over_is_in_the_summary_and_in_the_log() -> None:
    what = "staging is locked by runner@fv-az1 (pid 7) since 2026-11-25 21:00:05 UTC, for 3 h: a workflow's job"
    told = Report("nothing of staging is left", good=True, recovered=[what])
    assert f"taken over: {what}" in told.lines()
    assert "Taken over from a killed run:" in told.to_markdown(Reader())
    assert "runner&#64;fv-az1 (pid 7) since 2026-11-25 21:00:05 UTC, for 3 h" in told.to_markdown(Reader())


def test_a_step_that_found_something_left_is_not_called_done() -> None:
    steps = [StepResult("verify", "verify that nothing is left", 1.5, "failed")]
    _head, line = printed(Report("x", good=False, steps=steps).lines())
    assert re.split(r"\s{2,}", line.strip()) == ["verify that nothing is left", "failed", "1.5"]


@given(st.integers(0, 400), st.text(max_size=80))
def test_what_a_job_hands_on_is_json_of_limited_size(count: int, name: str) -> None:
    rows = [report.row(replace(VOLUME, name=name + str(number))) for number in range(count)]
    output = Report(name, good=False, left=rows, unknown=[name] * count).output
    assert len(output.encode()) <= report.OUTPUT_BYTES
    assert len(output.splitlines()) == 1
    assert json.loads(output)["left_count"] == count


def test_the_document_for_machines_has_all_rows() -> None:
    rows = [report.row(replace(VOLUME, id=f"vol-{number}")) for number in range(500)]
    told = json.loads(to_json(Report("x", good=False, left=rows, plan=[rows]).document))
    assert len(told["left"]) == len(told["plan"][0]) == 500
    assert (told["left"][0]["kind"], told["left"][0]["monthly"]) == ("volume", 0.53)
