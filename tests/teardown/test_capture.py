"""What is to go is written down before the state forgets it; a state that says nothing is unknown, not empty."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from common.pulumi.exported_state import StackState
from teardown import capture
from teardown.target import Target

if TYPE_CHECKING:
    from pathlib import Path

TARGET = Target("123456789012", "eu-west-2", "staging", "staging")


def test_the_vpc_outlives_the_state_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".teardown" / "staging.json"
    assert capture.capture(path, TARGET, StackState(vpc_id="vpc-1")).vpc_id == "vpc-1"
    assert capture.capture(path, TARGET, StackState()).vpc_id == "vpc-1"
    assert capture.read(path) == replace(TARGET, vpc_id="vpc-1")
    assert capture.capture(path, TARGET, StackState(vpc_id="vpc-2")).vpc_id == "vpc-2"


def test_the_file_of_another_cluster_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "staging.json"
    capture.capture(path, replace(TARGET, account_id="210987654321"), StackState())
    with pytest.raises(FleetError, match="is of staging in 210987654321: remove it"):
        capture.capture(path, TARGET, StackState())


@pytest.mark.parametrize("text", ["", "{}", '{"cluster": 1}'])
def test_a_file_that_is_none_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "staging.json"
    path.write_text(text)
    with pytest.raises(FleetError, match="is not a captured target"):
        capture.read(path)
