"""What resources cost: from a table, and never zero where nobody knows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from delivery import cost, report, stack_cost
from delivery.cost import Priced
from delivery.fleet_delivery import app
from delivery.preview import Preview
from delivery.report import Kind
from delivery.up_time import ALWAYS, UpTime
from infra import settings
from infra.contract import prices
from tests.delivery.digests import digest, step
from tests.infra.golden import EVERY_SETTING
from tests.support import recorder
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

TODAY = date(2026, 12, 1)
GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
DISK: dict[str, Any] = {"blockDeviceMappings": [{"ebs": {"volumeSize": 50, "volumeType": "gp3"}}]}
NODES: dict[str, Any] = {
    "scalingConfig": {"desiredSize": 2},
    "instanceTypes": ["t3.large", "m5.large"],
    "capacityType": "SPOT",
}


def total(*resources: Priced, region: str = "eu-west-2") -> cost.Sum:
    return cost.total(resources, region, TODAY)


@pytest.mark.parametrize(
    "config", [recorder.CONFIG, {**EVERY_SETTING, "region": "eu-west-2", "zones": ["eu-west-2a", "eu-west-2b"]}]
)
def test_a_stack_s_file_tells_the_cost_of_what_its_program_asks_for(config: Mapping[str, object]) -> None:
    recorded = recorder.run_stack(config, preview=False)
    templates = {each.name: each.inputs for each in recorded.all("LaunchTemplate")}
    asked = [
        Priced(each.type, each.name, each.inputs, templates.get(each.name))
        for each in recorded.registrations.values()
        if each.custom and not each.type.startswith("pulumi:")
    ]
    found = cost.total(asked, "eu-west-2", TODAY)
    by_file = stack_cost.of(settings.parse(config, "staging"), TODAY)
    assert sorted(by_file.costs, key=lambda each: each.label) == sorted(found.costs, key=lambda each: each.label)
    assert not [each for each in found.costs if each.basis.startswith("no price of aws:")]


def test_the_permanent_layer_has_no_resource_whose_cost_nobody_thought_of() -> None:
    recorded = recorder.run_permanent(preview=False)
    asked = [
        Priced(each.type, each.name, each.inputs)
        for each in recorded.registrations.values()
        if each.custom and not each.type.startswith("pulumi:")
    ]
    assert [each.label for each in cost.total(asked, "eu-west-2", TODAY).costs] == ["Key state"]


def test_a_node_group_is_its_nodes_and_their_disks() -> None:
    (found,) = total(Priced(GROUP, "default", NODES, DISK)).costs
    assert found.hour == pytest.approx(2 * (0.031 + 50 * 0.0928 / 730))
    assert found.basis == "2 x t3.large spot, the first of 2 types + 2 x 50 GiB gp3"


@pytest.mark.parametrize(
    ("resource", "region", "why"),
    [
        (Priced(GROUP, "g", {**NODES, "instanceTypes": ["x9.huge"]}, DISK), "eu-west-2", "no price of x9.huge spot"),
        (Priced(GROUP, "g", NODES), "eu-west-2", "no price of ? GiB gp3"),
        (Priced(GROUP, "g", NODES, DISK), "eu-west-1", "no price of 50 GiB gp3"),
        (Priced(GROUP, "g", NODES, DISK), "ap-south-2", "no prices of ap-south-2"),
        (Priced(GROUP, "g", {**NODES, "scalingConfig": {}}, DISK), "eu-west-2", "how many nodes there are"),
        (Priced("aws:rds/instance:Instance", "db", {}), "eu-west-2", "no price of aws:rds/instance:Instance"),
        (Priced("aws:ec2/vpcEndpoint:VpcEndpoint", "e", {"vpcEndpointType": "Interface"}), "eu-west-2", "no price of"),
        (Priced(CLUSTER, "c", {"version": "1.30"}), "eu-west-2", "whether Kubernetes 1.30 is in standard support"),
    ],
)
def test_what_is_not_known_is_unknown_and_said_in_the_sum(resource: Priced, region: str, why: str) -> None:
    found = total(resource, Priced("aws:ec2/eip:Eip", "ip", {}), region=region)
    assert [each.hour for each in found.unknown] == [None]
    assert found.unknown[0].basis.startswith(why)
    assert found.text == "0.01 + 1 unknown"
    assert found.month(730).endswith("+ 1 unknown")


def test_a_cluster_in_extended_support_costs_more_unless_it_is_upgraded_then() -> None:
    inputs: dict[str, Any] = {"version": "1.34"}
    upgraded: dict[str, Any] = {**inputs, "upgradePolicy": {"supportType": "STANDARD"}}
    late = date(2026, 12, 3)
    assert cost.total([Priced(CLUSTER, "c", inputs)], "eu-west-2", TODAY).hour == prices.EKS_CLUSTER_HOUR
    assert cost.total([Priced(CLUSTER, "c", inputs)], "eu-west-2", late).hour == 0.60
    assert cost.total([Priced(CLUSTER, "c", upgraded)], "eu-west-2", late).hour == prices.EKS_CLUSTER_HOUR


def test_every_table_has_a_date_and_a_source_and_prices_above_zero() -> None:
    for region, tables in prices.REGIONS.items():
        for table in (tables.services, tables.on_demand, tables.spot):
            assert table.source, region
            assert table.read <= TODAY, region
            assert all(0 < price < 1 for price in table.prices.values()), region
        assert all(price < tables.on_demand.prices[kind] for kind, price in tables.spot.prices.items()), region


def test_the_report_has_before_and_after_and_what_changes() -> None:
    region = {"region": "eu-west-2"}
    done = Preview(
        "infra-fleet",
        "staging",
        0,
        digest(
            step("same", "aws", region, region, kind="pulumi:providers:aws"),
            step("create", "b", None, {}, kind="aws:ec2/natGateway:NatGateway"),
            step("delete", "old", {"domain": "vpc"}, kind="aws:ec2/eip:Eip"),
            step("same", "cluster", {"version": "1.36"}, {"version": "1.36"}, kind=CLUSTER),
        ),
        None,
    )
    found = report.of(Kind.DIFF, done, UpTime(260.0, "Mon-Fri 08-20"), TODAY)
    assert found.money
    assert found.line == "1 deleted, 1 created, 1 unchanged · 0.11 → 0.15 $/h · Kubernetes 1.36 until 2 Aug 2027"
    assert found.money.rows[1:] == [
        ("a month, up Mon-Fri 08-20 (260 h)", "27", "39"),
        ("a month, always up (730 h)", "77", "110"),
    ]
    assert [row[0] for row in found.money.changed] == ["Eip old", "NatGateway b"]
    assert replace(found.money, up=ALWAYS).rows[1:] == [("a month, always up (730 h)", "77", "110")]


def test_a_disk_is_found_by_the_template_of_a_node_group() -> None:
    region = {"region": "eu-west-2"}
    template = step("update", "t", DISK, DISK, kind="aws:ec2/launchTemplate:LaunchTemplate")
    template["oldState"]["id"] = "lt-1"
    bigger = {"blockDeviceMappings": [{"ebs": {"volumeSize": 100, "volumeType": "gp3"}}]}
    template["newState"]["inputs"] = bigger
    group = step("update", "g", {**NODES, "launchTemplate": {"id": "lt-1"}}, NODES, kind=GROUP)
    group["newState"]["propertyDependencies"] = {"launchTemplate": [template["urn"]]}
    aws = step("same", "aws", region, region, kind="pulumi:providers:aws")
    found = report.of(Kind.DIFF, Preview("p", "s", 0, digest(aws, template, group), None), ALWAYS, TODAY)
    assert found.money
    assert [each.basis[-12:] for side in (found.money.before, found.money.after) for each in side.costs] == [
        "x 50 GiB gp3",
        " 100 GiB gp3",
    ]


def test_the_command_prints_each_resource_and_the_sum_last() -> None:
    done = CliRunner().invoke(app, ["cost", "--cwd", str(REPOSITORY)])
    assert done.exit_code == 0, done.output
    assert "NodeGroup default" in done.stdout
    assert "not counted: traffic, load balancers" in done.stdout
    assert done.stdout.splitlines()[-1] == "staging: 0.23 $/h"


def test_the_command_s_document_has_numbers() -> None:
    done = CliRunner().invoke(app, ["cost", "--json", "--cwd", str(REPOSITORY)])
    document = json.loads(done.stdout)
    assert document["hour"]["after"] == pytest.approx(0.2297)
    assert document["months"][0] == {"of": "a month, up Mon-Fri 08-20", "hours": 260.0, "before": 59.73, "after": 59.73}
