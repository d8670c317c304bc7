"""Which stacks a scheduled workflow works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from delivery.stack_list import Stacks, choose

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, more in (("staging", ""), ("dev", ""), ("prod", "  infra-fleet:nightlyTeardown: false\n")):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(f'config:\n  infra-fleet:accountId: "123456789012"\n{more}')
    return tmp_path


def test_every_stack_that_has_a_file_has_its_night_but_one_that_says_so_with_what_it_costs(folder: Path) -> None:
    found = choose(folder, only="", nightly=True)
    assert found.names == ["dev", "staging"]
    (notice,) = found.notices
    assert notice.startswith("prod has no nightly teardown: it costs about 168 dollars a month with 2 nodes")


def test_what_somebody_asks_for_is_taken_alone(folder: Path) -> None:
    assert choose(folder, only="prod", nightly=True) == Stacks(["prod"])
    assert choose(folder, only=" staging, dev", nightly=False) == Stacks(["staging", "dev"])


def test_a_name_without_a_file_is_refused(folder: Path) -> None:
    with pytest.raises(FleetError, match=r"no stack qa: Pulumi\.qa\.yaml is missing; there are dev, prod, staging"):
        choose(folder, only="staging,qa", nightly=True)


def test_a_file_that_cannot_be_read_leaves_no_stack_up_unseen(folder: Path) -> None:
    (folder / "Pulumi.dev.yaml").write_text("config: 7")
    with pytest.raises(FleetError, match=r"Pulumi\.dev\.yaml"):
        choose(folder, only="", nightly=True)
