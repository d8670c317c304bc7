"""What the account has to know of a stack is read without a model: another commit may have other settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from infra.settings import parse_file
from infra.stack_file import config_of
from sandbox.diff import places
from sandbox.diff.places import Place
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """config:
  infra-fleet:accountId: "210987654321"
  infra-fleet:aSettingOfThen: [1]
  infra-fleet:clusterAdmins: [arn:aws:iam::210987654321:role/a]
  infra-fleet:clusterViewers:
    - {role: "arn:aws:iam::210987654321:role/b", namespaces: [x]}
    - arn:aws:iam::210987654321:role/a
    - 7
  infra-fleet-permanent:region: elsewhere
"""


def test_a_setting_that_nobody_knows_any_more_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.blue.yaml").write_text(TEXT)
    people = ("arn:aws:iam::210987654321:role/a", "arn:aws:iam::210987654321:role/b")
    assert places.of_stack(tmp_path, "blue") == Place("210987654321", "eu-west-2", "blue", people)


def test_the_repository_s_own_files_are_read_as_their_model_reads_them() -> None:
    settings = parse_file(config_of(REPOSITORY / "Pulumi.staging.yaml"), "staging")
    found = places.of_stack(REPOSITORY, "staging")
    assert found == Place(settings.account_id, settings.region, settings.cluster_name, settings.people)
    assert places.of_layer(REPOSITORY) == Place(settings.account_id, settings.region, "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"Pulumi.staging.yaml is missing"):
        places.of_stack(tmp_path, "staging")
