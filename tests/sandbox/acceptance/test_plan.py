"""What is said before anybody is asked, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from common.errors import CannotRunError
from delivery import stack_cost
from sandbox.acceptance import durations, plan
from sandbox.checkout import Checkout
from tests.sandbox.acceptance.days import account_file, planned
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 12, 1)


def test_the_stack_is_one_of_its_own_with_the_settings_of_another(tmp_path: Path) -> None:
    made = planned(tmp_path)
    staging = plan.infra.settings.parse_file(plan.config_of(Checkout(REPOSITORY).stack_file("staging")), "staging")
    assert (made.stack, made.settings.cluster_name, made.settings.environment) == ("acceptance",) * 3
    assert made.settings.node_groups == staging.node_groups
    assert made.target.cluster != staging.cluster_name
    assert not made.settings.deletion_protection


def test_it_says_where_what_costs_and_takes(tmp_path: Path) -> None:
    text = "\n".join(planned(tmp_path).lines(TODAY))
    hour = stack_cost.of(planned(tmp_path).settings, TODAY).hour
    assert "account 123456789012, eu-west-2" in text
    assert f"costs: about {hour:.2f} US dollars: {hour:.2f} an hour, billed for 1 h" in text
    assert f"takes: about {durations.day(is_bootstrapped=False) / 60:.0f} minutes" in text
    assert "FLUX_GITHUB_TOKEN is not set" in text
    assert "your-org/infra-fleet" in "\n".join(planned(tmp_path, GITHUB_TOKEN="t").lines(TODAY))


def test_an_hour_that_has_begun_is_billed() -> None:
    assert [durations.billed_hours(seconds) for seconds in (1, 3600, 3601)] == [1, 1, 2]
    assert durations.day(is_bootstrapped=True) > durations.day(is_bootstrapped=False) > 1200


def test_the_permanent_layer_must_know_the_cluster(tmp_path: Path) -> None:
    file = account_file(tmp_path, ("staging",))
    with pytest.raises(CannotRunError, match=r"clusters does not list acceptance.*make account"):
        plan.of(Checkout(REPOSITORY), file, tmp_path, "staging", {})


def test_a_stack_that_somebody_keeps_under_the_name_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.acceptance.yaml").write_text("config: {}\n")
    with pytest.raises(CannotRunError, match="exists: acceptance is the stack of this command"):
        plan.of(Checkout(tmp_path), account_file(tmp_path), tmp_path, "staging", {})


def test_the_commands_that_clean_up_name_stack_backend_and_project(tmp_path: Path) -> None:
    made = planned(tmp_path)
    for command in (made.clean_up, made.forget):
        assert command.startswith(
            "PULUMI_BACKEND_URL='s3://infra-fleet-state-123456789012-eu-west-2?region=eu-west-2' "
        )
        assert "acceptance" in command
        assert str(made.project) in command
