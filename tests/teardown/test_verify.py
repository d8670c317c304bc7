"""Clean only when every probe knows, several times running; else a list that a person can act on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from common.errors import UnknownError
from common.pulumi.exported_state import StackState
from teardown import report, verify
from teardown.kinds.identity import ROLE
from teardown.kinds.network import ADDRESS, GROUP
from teardown.kinds.stack import CLUSTER, NAT, SUBNET, VPC

if TYPE_CHECKING:
    from common.target import Proven
    from tests.teardown.conftest import Town


def looked(aws: Proven, town: Town, **more: object) -> verify.Verdict:
    return verify.verify(aws, town.target, lambda: StackState(), reads=2, pause=0.0, **more)  # pyright: ignore[reportArgumentType]


def test_nothing_left_is_clean(town: Town, aws: Proven) -> None:
    town.clients.remove_network(town.clients.network("a"))
    target_only = looked(aws, town)
    assert {each.kind for each in target_only.left} == {VPC, SUBNET}
    for subnet in town.place.subnets:
        town.clients.ec2.delete_subnet(SubnetId=subnet)
    town.clients.ec2.delete_vpc(VpcId=town.place.vpc)
    assert looked(aws, town).clean


def test_all_kinds_of_leftovers_are_listed_with_id_cost_and_remedy(town: Town, aws: Proven) -> None:
    """Verification looks at every kind, by tags and by names."""
    left = town.leave()
    verdict = looked(aws, town)
    assert not verdict.clean
    rows = {row.id: row for row in report.rows(verdict.left)}
    failed = [each.title for each in verdict.left]
    by_hand = {row.id: row.command for row in report.rows(verdict.left, failed=failed)}
    for kind, ids in left.items():
        for each in ids:
            assert rows[each].kind.name == kind
            assert rows[each].command == "", "the sweep takes it"
            assert each.rpartition("/")[2] in by_hand[each], "by its id, or by its name"
    balancer = rows[left["load balancer"][0]]
    assert (balancer.by, balancer.cost) == ("load balancer controller, for shop/app-0", "$19.32/month")
    assert verdict.line("staging").startswith(f"staging: {len(verdict.left)} resources left ($")
    assert rows[left["volume"][0]].by == "EBS CSI driver, for data-0"
    assert rows[left["network interface"][0]].by == "VPC CNI"


def test_what_the_stack_has_is_listed_although_pulumi_takes_it_away(town: Town, aws: Proven) -> None:
    """NAT gateways, addresses, roles and the cluster itself."""
    subnets = list(town.place.subnets)
    town.clients.cluster(name=town.place.cluster, resourcesVpcConfig={"subnetIds": subnets})
    own = [{"Key": "project", "Value": "infra-fleet"}, {"Key": "cluster", "Value": town.place.cluster}]

    def tagged(kind: str) -> list[dict[str, object]]:
        return [{"ResourceType": kind, "Tags": own}]

    ec2 = town.clients.ec2
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address, TagSpecifications=tagged("natgateway"))
    role = town.clients.role("ec2.amazonaws.com", f"/infra-fleet/{town.place.cluster}/")
    found = {each.kind: each.id for each in looked(aws, town).left}
    assert found[CLUSTER] == town.place.cluster
    assert found[ADDRESS] == address
    assert found[ROLE] == role.rpartition("/")[2]
    assert {NAT, VPC, SUBNET, GROUP} <= found.keys()


def test_a_state_that_lists_something_is_not_clean(town: Town, aws: Proven) -> None:
    verdict = verify.verify(aws, town.target, lambda: StackState(resources=("vpc staging",)), reads=1, pause=0.0)
    assert verdict.in_state == ("vpc staging",)
    assert not verdict.clean


def test_a_state_that_cannot_be_read_is_unknown(town: Town, aws: Proven) -> None:
    def fails() -> StackState:
        raise UnknownError("the stack's state is unknown: no bucket")

    verdict = verify.verify(aws, town.target, fails, reads=1, pause=0.0)
    assert not verdict.clean
    assert "no bucket" in verdict.unknown[-1]


def test_absence_counts_only_when_it_is_seen_again(town: Town, aws: Proven) -> None:
    """What AWS's lists show late is seen by a later look."""
    looks: list[int] = []

    def appears() -> StackState:
        looks.append(1)
        return StackState(resources=("volume late",) if len(looks) == 3 else ())

    for subnet in town.place.subnets:
        town.clients.ec2.delete_subnet(SubnetId=subnet)
    town.clients.ec2.delete_vpc(VpcId=town.place.vpc)
    verdict = verify.verify(aws, town.target, appears, reads=3, pause=0.0)
    assert verdict.in_state == ("volume late",)
    assert len(looks) == 3


def test_the_watchdog_barks_at_a_cluster_that_outlived_one_night(town: Town, aws: Proven) -> None:
    """However young it is: a rebuild at 06:30 and a missed night make an age of 23 hours by the next watchdog."""
    now = datetime.now(UTC)
    assert verify.missed(aws, town.target, now) == ""
    town.clients.cluster(name=town.place.cluster, resourcesVpcConfig={"subnetIds": list(town.place.subnets)})
    assert verify.missed(aws, town.target, now - timedelta(minutes=5)) == ""
    said = verify.missed(aws, town.target, now + timedelta(minutes=5))
    assert f"the cluster {town.place.cluster}, made " in said
    assert "outlived the nightly teardown of" in said
