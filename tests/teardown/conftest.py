from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from common.aws import Aws
from common.pulumi.exported_state import StackState
from common.target import prove
from sandbox.account import leftovers, process
from sandbox.account.leftovers import Maker, Place
from teardown import sweep
from teardown.target import Target
from teardown.time_budget import Budget
from tests.sandbox.account.aws import Aws as Clients
from tests.sandbox.account.aws import unique
from tests.teardown import living as living_stacks
from tests.teardown.living import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common.target import Proven
    from teardown.sweep import Outcome, Plan
    from tests.teardown.living import Living

SHORT = 5.0
"""Seconds that a deletion may wait for what holds it: the account's own things go at once."""


@pytest.fixture
def aws(account: process.Account, monkeypatch: pytest.MonkeyPatch) -> Proven:
    """Clients as the teardown makes them, with the environment that the sandbox gives its children."""
    for name, value in process.environment(account).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return proven(account)


def proven(account: process.Account) -> Proven:
    """Clients that may write, whatever the cluster's name: none is alive."""
    target = Target(account.account_id, account.region, "none", "staging")
    return prove(Aws(account.region), target, StackState())


@dataclass
class Town:
    """A VPC of a cluster that is gone, with what its controllers left."""

    clients: Clients
    place: Place
    target: Target
    maker: Maker

    @property
    def state(self) -> StackState:
        """What the stack's state lists: the network."""
        return StackState(frozenset({self.place.vpc, *self.place.subnets}))

    def plan(self, aws: Aws, *, recover: bool = False) -> Plan:
        return sweep.plan(aws, self.target, self.state.listed, recover=recover)

    def sweep(self, aws: Proven, deadline: float = SHORT) -> Outcome:
        lines: list[str] = []
        return sweep.sweep(aws, self.plan(aws), Budget.of(deadline * 4), lines.append, patience=deadline)

    def leave(self, count: int = 1) -> dict[str, list[str]]:
        return leftovers.leave(self.maker, self.place, count)

    def beside(self) -> dict[str, list[str]]:
        return leftovers.beside(self.maker, self.place)


def town_in(account: process.Account, seed: int = 0, cluster: str = "") -> Town:
    clients = Clients(account)
    network = clients.network("a", "b")
    cluster = cluster or unique("night")[:18]
    own = [{"Key": "project", "Value": "infra-fleet"}, {"Key": "cluster", "Value": cluster}]
    clients.ec2.create_tags(Resources=[network.vpc, *network.subnets], Tags=own)
    place = Place(cluster, network.vpc, network.subnets, f"{account.region}a")
    target = Target(account.account_id, account.region, cluster, "staging", network.vpc)
    return Town(clients, place, target, Maker(account, f"{seed} {network.vpc}"))


@pytest.fixture
def town(account: process.Account) -> Iterator[Town]:
    yield town_in(account)
    Clients(account).clear()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An account with a living cluster, for the tests of a file."""
    built = Home.build(tmp_path_factory.mktemp("home"))
    yield built
    built.close()


@pytest.fixture
def living(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Living]:
    """A stack whose cluster that is."""
    settled = living_stacks.settle(tmp_path, home)
    living_stacks.environment(settled, monkeypatch)
    yield settled
    settled.strike()
