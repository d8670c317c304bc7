"""The steps of `fleet diff` are those of `up` in the same account, for pairs of settings that nobody has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.engine import diffs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

pytestmark = pytest.mark.engine

ROLES = [f"arn:aws:iam::123456789012:role/{name}" for name in ("a", "b", "c")]
GROUPS = st.fixed_dictionaries(
    {
        "instanceTypes": st.sampled_from([["m6i.large"], ["t3.large", "t3a.large"], ["t3.large"], ["m5.large"]]),
        "capacityType": st.sampled_from(["SPOT", "ON_DEMAND"]),
        "desiredSize": st.integers(1, 3),
        "diskGib": st.sampled_from([20, 50]),
    }
)
CONFIGS = st.fixed_dictionaries(
    {
        "zones": st.sampled_from([["eu-west-2a", "eu-west-2b"], ["eu-west-2a", "eu-west-2b", "eu-west-2c"]]),
        "natStrategy": st.sampled_from(["single", "per-zone"]),
        "serviceCidr": st.sampled_from(["172.20.0.0/16", "172.21.0.0/16"]),
        "jumpBox": st.booleans(),
        "nodeSessionManager": st.booleans(),
        "nodeGroups": st.dictionaries(st.sampled_from(["default", "other"]), GROUPS, min_size=1),
        "clusterAdmins": st.lists(st.sampled_from(ROLES[:2]), unique=True),
        "clusterViewers": st.lists(st.just(ROLES[2]), max_size=1),
        "controlPlaneLogs": st.lists(st.sampled_from(["api", "audit", "scheduler"]), unique=True, min_size=1),
        "tags": st.dictionaries(st.sampled_from(["owner", "team"]), st.sampled_from(["x", "y"])),
    }
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[diffs.Clone]:
    with diffs.clone(tmp_path_factory.mktemp("differential")) as made:
        yield made


def compared(count: int) -> Callable[..., Any]:
    """Marks a property that takes this many pairs."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=checks)


def check(clone: diffs.Clone, config: Mapping[str, Any]) -> None:
    """One pair: what the account has, BASE's at first, and a config."""
    found = clone.range_of(diffs.Scenario(config))
    # What the pair before has left is there: each config is compared with the one before it.
    (report,) = clone.reports(found)
    assert report.failure is None
    assert found.head
    told = {each.label: each.action for each in report.plan.changed}
    assert clone.apply(found.head, config) == told


@pytest.mark.night
@seed(23)
@compared(4)
@given(config=CONFIGS)
def test_some_pairs(clone: diffs.Clone, config: Mapping[str, Any]) -> None:
    check(clone, config)


@pytest.mark.long
@seed(2023)
@compared(60)
@given(config=CONFIGS)
def test_60_pairs(clone: diffs.Clone, config: Mapping[str, Any]) -> None:
    check(clone, config)
