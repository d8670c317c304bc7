"""Bad config of the permanent layer gets one clear line, and good config is short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from infra.contract import names, prices
from infra.stack_file import config_of
from permanent import settings
from tests.permanent import golden
from tests.support import recorder
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST = recorder.PERMANENT_CONFIG


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"accountId": "1234"}, "accountId = 1234 is not allowed: use 12 digits, in quotes"),
        ({"region": "London"}, "region = London is not allowed: use a region's code such as eu-west-2"),
        (
            {"githubSubject": "repo:other/infra-fleet"},
            "githubSubject = repo:other/infra-fleet is not allowed: use repo:your-org/",
        ),
        (
            {"githubSubject": "repo:your-org@*/infra-fleet@2"},
            "githubSubject = repo:your-org@*/infra-fleet@2 is not allowed:",
        ),
        (
            {"githubRepository": "infra-fleet"},
            "githubRepository = infra-fleet is not allowed: use <owner>/<repository>",
        ),
        ({"githubRepository": "your-org/*"}, "githubRepository = your-org/* is not allowed: use <owner>/<repository>"),
        (
            {"githubRepository": "your-org/a:b"},
            "githubRepository = your-org/a:b is not allowed: use <owner>/<repository>",
        ),
        ({"githubRepository": "your?/a"}, "githubRepository = your?/a is not allowed: use <owner>/<repository>"),
        (
            {"githubRepository": "https://github.com/your-org/infra-fleet"},
            "is not allowed: use <owner>/<repository>, spelled as",
        ),
        ({"clusters": []}, "clusters = [] is not allowed: use one or more"),
        ({"clusters": "staging"}, "clusters = staging is not allowed: use a list"),
        ({"clusters": ["staging", "blue", "staging"]}, "'staging' is listed twice; allowed: each once"),
        ({"clusters": ["a/b"]}, "clusters[0] = a/b is not allowed: use at most 100 letters, digits, - and _"),
        (
            {"imageRepositories": ["Load"]},
            "imageRepositories[0] = Load is not allowed: use 2 to 256 lower-case letters",
        ),
        ({"imageRepositories": ["a*"]}, "imageRepositories[0] = a* is not allowed: use 2 to 256 lower-case letters"),
        ({"imageRepositories": ["app", "app"]}, "'app' is listed twice; allowed: each once"),
        ({"hostedZoneIds": ["*"]}, "hostedZoneIds[0] = * is not allowed: use a hosted zone's id alone"),
        ({"hostedZoneIds": ["Z1", "Z1"]}, "'Z1' is listed twice; allowed: each once"),
        ({"logRetentionDays": 31}, "logRetentionDays = 31 is not allowed: use 1, 3, 5, 7, 14, 30, 60"),
        ({"logRetentionDays": "month"}, "logRetentionDays = month is not allowed: use a whole number"),
        ({"alarmEmail": "platform"}, "alarmEmail = platform is not allowed: use an e-mail address"),
        ({"budgetDailyUsd": 0}, "budgetDailyUsd = 0 is not allowed: use 1 or more"),
        ({"budgetDailyUsd": "5.5"}, "budgetDailyUsd = 5.5 is not allowed: use a whole number"),
        ({"cluster": ["staging"]}, "cluster: unknown setting; did you mean clusters?"),
    ],
)
def test_a_bad_setting_is_one_line_that_names_key_value_and_what_is_allowed(
    config: Mapping[str, object], line: str
) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        settings.parse({**SHORTEST, **config})
    (found,) = str(caught.value).splitlines()
    assert found.startswith("  infra-fleet-permanent:")
    assert line in found


@pytest.mark.parametrize("key", SHORTEST)
def test_a_setting_that_is_missing_is_named(key: str) -> None:
    config = {name: value for name, value in SHORTEST.items() if name != key}
    with pytest.raises(settings.SettingsError, match=f"^  infra-fleet-permanent:{key} is not set; it is required$"):
        settings.parse(config)


def test_all_problems_are_reported_at_once_under_the_files_name() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        recorder.run_permanent({"accountId": "1", "clusters": "x", "alarmEmail": "y"}, preview=True)
    heading, *lines = str(caught.value).splitlines()
    assert heading == "permanent/Pulumi.account.yaml has 5 errors:"
    assert len(lines) == 5


def test_clusters_too_many_for_a_policy_are_refused_before_aws_does() -> None:
    clusters = [f"{'x' * 97}-{number}" for number in range(10)]
    with pytest.raises(pulumi.RunError) as caught:
        recorder.run_permanent({**SHORTEST, "clusters": clusters}, preview=True)
    heading, line = str(caught.value).splitlines()
    assert heading == "permanent/Pulumi.account.yaml has 1 error:"
    assert line.startswith("  infra-fleet-permanent:clusters")


def test_the_golden_config_sets_every_setting_to_another_value() -> None:
    every, default = settings.parse(golden.EVERY_SETTING), settings.parse(SHORTEST)
    assert set(golden.EVERY_SETTING) == {entry.alias for entry in settings.Settings.model_fields.values()}
    for name in settings.Settings.model_fields:
        assert getattr(every, name) != getattr(default, name), name


def test_the_repositorys_own_file_is_good_config_and_needs_no_default_provider() -> None:
    config = config_of(REPOSITORY / "permanent" / f"Pulumi.{names.PERMANENT_STACK}.yaml")
    assert settings.parse_file(config).clusters == ("staging",)
    assert config["pulumi:disable-default-providers"] == ["*"]


def day_usd(hours: float) -> float:
    """A cluster's cost: control plane, NAT, a load balancer in two zones, two spot nodes of 50 GiB; no traffic."""
    addresses = 1 + 2  # of the NAT gateway, and of the load balancer
    return hours * (
        prices.EKS_CLUSTER_HOUR
        + prices.NAT_GATEWAY_HOUR
        + prices.LOAD_BALANCER_HOUR
        + addresses * prices.PUBLIC_IPV4_HOUR
        + 2 * prices.T3_LARGE_SPOT_HOUR
        + 2 * 50 * prices.GP3_GB_MONTH / prices.HOURS_A_MONTH
    )


@pytest.mark.parametrize("clusters", [1, 2, 3])
def test_by_default_a_day_that_ends_alarms_nobody_and_a_night_through_does(clusters: int) -> None:
    names_ = [f"c{number}" for number in range(clusters)]
    budget = settings.parse({**SHORTEST, "clusters": names_}).budget_daily_usd
    assert clusters * day_usd(12) < 0.8 * budget
    assert clusters * day_usd(24) > budget
