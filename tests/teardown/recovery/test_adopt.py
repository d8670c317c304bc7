"""An operation is cleared only when AWS, asked more than once, has nothing of it; what is doubtful is not adopted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from common.errors import FleetError, UnknownError
from sandbox.account.faults import Rule
from teardown.recovery import adopt
from teardown.recovery.adopt import Fate, Patience
from teardown.recovery.finders import FINDERS, Candidate, Finder
from teardown.target import Target
from tests.sandbox.account.aws import Aws as Clients
from tests.sandbox.account.aws import unique
from tests.teardown.recovery.states import EIP, VPC, base, entry, exported, urn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common.aws import Aws
    from sandbox.account import process
    from teardown.recovery.deployment import Entry

FAST = Patience(looks=2, pause=0.0, settle=5.0)
CLUSTER = "aws:eks/cluster:Cluster"


@pytest.fixture
def clients(account: process.Account) -> Iterator[Clients]:
    made = Clients(account)
    yield made
    made.clear()


@pytest.fixture
def target(account: process.Account) -> Target:
    return Target(account.account_id, account.region, unique("night")[:18], "staging")


def tags_of(target: Target, name: str = "main") -> dict[str, str]:
    return {"cluster": target.cluster, "project": "infra-fleet", "Name": name}


def vpc_entry(target: Target, cidr: str = "10.0.0.0/16", **more: Any) -> Entry:
    return entry(VPC, "vpc", inputs={"cidrBlock": cidr, "tagsAll": tags_of(target)}, **more)


def make_vpc(clients: Clients, tags: dict[str, str], cidr: str = "10.0.0.0/16") -> str:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    specifications = [{"ResourceType": "vpc", "Tags": listed}]
    return clients.ec2.create_vpc(CidrBlock=cidr, TagSpecifications=specifications)["Vpc"]["VpcId"]


def plan_of(aws: Aws, target: Target, *pending: tuple[str, Entry], listed: tuple[Entry, ...] = ()) -> adopt.Adoption:
    return adopt.plan(aws, target, exported([*base(), *listed], list(pending)), patience=FAST)


def test_the_one_that_was_made_is_adopted_with_all_that_the_operation_knows(
    aws: Aws, clients: Clients, target: Target
) -> None:
    made = make_vpc(clients, tags_of(target))
    for others in (tags_of(target, "other"), {**tags_of(target), "cluster": f"{target.cluster}-2"}, {}):
        make_vpc(clients, others)
    make_vpc(clients, tags_of(target), "10.1.0.0/16")
    wanted = vpc_entry(target, dependencies=[urn("pulumi:providers:aws", "aws")], protect=True)
    adoption = plan_of(aws, target, ("creating", wanted))
    assert [(each.fate, each.id) for each in adoption.decisions] == [(Fate.ADOPTED, made)]
    assert adoption.after.resources[-1] == {**wanted, "id": made, "outputs": {}}
    assert adoption.after.pending == []


def test_one_that_the_state_lists_is_not_adopted_a_second_time(aws: Aws, clients: Clients, target: Target) -> None:
    made = make_vpc(clients, tags_of(target))
    listed = {**vpc_entry(target, id=made, outputs={"id": made}), "urn": urn(VPC, "another")}
    adoption = plan_of(aws, target, ("creating", vpc_entry(target)), listed=(listed,))
    assert [each.fate for each in adoption.decisions] == [Fate.ABSENT]
    assert adoption.after.resources == [*base(), listed]


def test_what_is_deleted_to_be_made_again_has_the_same_name_and_is_adopted(
    aws: Aws, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, CLUSTER, [[Candidate(target.cluster)]])
    old = entry(CLUSTER, "cluster", id=target.cluster, pendingReplacement=True, outputs={"name": target.cluster})
    adoption = plan_of(aws, target, ("creating", entry(CLUSTER, "cluster")), listed=(old,))
    assert [each.fate for each in adoption.decisions] == [Fate.ADOPTED]
    assert len(adoption.after.resources) == 3


def test_several_that_it_may_have_made_are_named_and_left(aws: Aws, clients: Clients, target: Target) -> None:
    made = {make_vpc(clients, tags_of(target)) for _ in range(2)}
    adoption = plan_of(aws, target, ("creating", vpc_entry(target)))
    (decision,) = adoption.of(Fate.AMBIGUOUS)
    assert set(decision.candidates) == made
    assert all(each in decision.line for each in made)
    assert adoption.after.resources == base()


def test_one_that_two_operations_may_have_made_is_adopted_by_neither(
    aws: Aws, clients: Clients, target: Target
) -> None:
    clients.ec2.allocate_address(
        TagSpecifications=[
            {
                "ResourceType": "elastic-ip",
                "Tags": [{"Key": key, "Value": value} for key, value in tags_of(target).items()],
            }
        ]
    )
    twins = [entry(EIP, name, inputs={"tagsAll": tags_of(target)}) for name in ("a", "b")]
    adoption = plan_of(aws, target, *[("creating", each) for each in twins])
    assert [each.fate for each in adoption.decisions] == [Fate.AMBIGUOUS] * 2


def test_what_needs_something_that_the_state_has_not_is_left_to_the_sweep(
    aws: Aws, clients: Clients, target: Target
) -> None:
    make_vpc(clients, tags_of(target))
    adoption = plan_of(aws, target, ("creating", vpc_entry(target, dependencies=[urn(EIP, "nowhere")])))
    assert [each.fate for each in adoption.decisions] == [Fate.AMBIGUOUS]
    assert "needs nowhere, which the state does not list" in adoption.lines[0]


def test_somebody_elses_of_the_same_name_is_not_adopted(aws: Aws, clients: Clients, target: Target) -> None:
    name = unique("role")
    clients.iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}", Tags=[{"Key": "cluster", "Value": "x"}])
    wanted = entry("aws:iam/role:Role", "node", inputs={"name": name, "tagsAll": tags_of(target)})
    adoption = plan_of(aws, target, ("creating", wanted))
    assert [each.fate for each in adoption.decisions] == [Fate.ABSENT]
    assert "somebody else's" in adoption.lines[0]
    clients.iam.delete_role(RoleName=name)


@pytest.mark.parametrize("code", ["AccessDenied", "ServiceUnavailable"])
def test_a_call_that_fails_clears_nothing_and_names_the_operation(
    aws: Aws, target: Target, strike: Callable[..., None], code: str
) -> None:
    strike(Rule(code, operation="DescribeVpcs"))
    with pytest.raises(UnknownError, match=r"Vpc vpc: ec2:DescribeVpcs: ") as caught:
        plan_of(aws, target, ("creating", vpc_entry(target)))
    assert "\n" not in str(caught.value)


def test_a_type_that_nobody_knows_how_to_find_clears_nothing(aws: Aws, target: Target) -> None:
    with pytest.raises(UnknownError, match="nobody knows how to find a aws:sqs/queue:Queue"):
        plan_of(aws, target, ("creating", entry("aws:sqs/queue:Queue", "q", inputs={})))


def test_operations_that_make_nothing_are_cleared_and_cut_short_ones_stay_listed(aws: Aws, target: Target) -> None:
    provider = base()[1]
    component = {"urn": urn("infra-fleet:index:Network", "n"), "custom": False, "type": "infra-fleet:index:Network"}
    listed = vpc_entry(target, id="vpc-1", outputs={"id": "vpc-1"})
    eip = entry(EIP, "a", id="eipalloc-1", inputs={"tagsAll": tags_of(target)}, outputs={"id": "eipalloc-1"})
    adoption = plan_of(
        aws,
        target,
        ("creating", provider),
        ("creating", component),
        ("reading", entry(EIP, "read", inputs={})),
        ("importing", entry(EIP, "imported", inputs={})),
        ("updating", listed),
        ("deleting", eip),
        listed=(listed, eip),
    )
    assert [each.fate for each in adoption.decisions] == [*[Fate.NOTHING] * 4, *[Fate.LISTED] * 2]
    assert adoption.after.resources == [*base(), listed, eip]


def test_what_a_deletion_or_update_was_at_and_the_state_has_lost_is_looked_for(
    aws: Aws, clients: Clients, target: Target
) -> None:
    made = make_vpc(clients, tags_of(target))
    adoption = plan_of(aws, target, ("deleting", vpc_entry(target, id=made, outputs={"id": made, "arn": "x"})))
    assert adoption.after.resources[-1]["id"] == made
    assert adoption.after.resources[-1]["outputs"] == {"id": made, "arn": "x"}


def test_what_a_kept_export_remembers_is_looked_for_too(aws: Aws, clients: Clients, target: Target) -> None:
    made = make_vpc(clients, tags_of(target))
    remembered = exported([], [("creating", vpc_entry(target))]).pending
    adoption = adopt.plan(aws, target, exported(base(), []), remembered, patience=FAST)
    assert [each.id for each in adoption.decisions] == [made]
    assert adoption.changes_state


def fake(monkeypatch: pytest.MonkeyPatch, kind: str, answers: list[list[Candidate]]) -> list[int]:
    """Let a type be found as AWS would answer, one look after another; the last answer stays. Gives the looks."""
    looks: list[int] = []

    def find(*_arguments: object) -> Iterator[Candidate]:
        looks.append(1)
        return iter(answers[min(len(looks), len(answers)) - 1])

    monkeypatch.setitem(FINDERS, kind, Finder(find, ()))  # pyright: ignore[reportArgumentType]
    return looks


def waited(aws: Aws, target: Target, answers: list[list[Candidate]], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(adopt, "POLL", 0.0)
    lines: list[str] = []
    looks = fake(monkeypatch, CLUSTER, answers)
    pending = exported(base(), [("creating", entry(CLUSTER, "cluster"))])
    adoption = adopt.plan(aws, target, pending, patience=FAST, tell=lines.append)
    return adoption.decisions[0], lines, len(looks)


def test_what_turns_up_late_is_found(aws: Aws, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that lags behind, or a call that was on its way when the engine died."""
    decision, _, looks = waited(aws, target, [[], [Candidate("night")]], monkeypatch)
    assert (decision.fate, decision.id, looks) == (Fate.ADOPTED, "night", 3)


def test_it_takes_two_looks_to_say_that_nothing_was_made(
    aws: Aws, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision, _, looks = waited(aws, target, [[]], monkeypatch)
    assert (decision.fate, looks) == (Fate.ABSENT, 2)


def test_what_is_being_made_is_waited_for_and_said_once(
    aws: Aws, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EKS refuses to delete a cluster that it is making."""
    making = [[Candidate("night", status="CREATING")]] * 3
    decision, lines, looks = waited(aws, target, [*making, [Candidate("night", status="ACTIVE")]], monkeypatch)
    assert (decision.fate, looks) == (Fate.ADOPTED, 5)
    assert lines == ["waiting until AWS is done: Cluster cluster is CREATING"]


@pytest.mark.parametrize("status", ["FAILED", "CREATE_FAILED", "DEGRADED", "failed"])
def test_what_failed_is_adopted_at_once_for_it_can_be_deleted(
    aws: Aws, target: Target, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    decision, _, looks = waited(aws, target, [[Candidate("night", status=status)]], monkeypatch)
    assert (decision.fate, looks) == (Fate.ADOPTED, 2)


@pytest.mark.parametrize("status", ["DELETING", "deleting"])
def test_what_is_on_its_way_out_is_waited_for_and_then_nothing(
    aws: Aws, target: Target, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    decision, lines, _ = waited(aws, target, [[Candidate("night", status=status)]] * 2 + [[]], monkeypatch)
    assert decision.fate is Fate.ABSENT
    assert lines == [f"waiting until AWS is done: Cluster cluster is {status}"]


def test_what_is_never_done_stops_the_run_in_one_line(
    aws: Aws, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, CLUSTER, [[Candidate("night", status="CREATING")]])
    pending = exported(base(), [("creating", entry(CLUSTER, "cluster"))])
    with pytest.raises(FleetError, match=r"Cluster cluster is CREATING, after 0 s: run this again when AWS is done"):
        adopt.plan(aws, target, pending, patience=replace(FAST, settle=0.0))
