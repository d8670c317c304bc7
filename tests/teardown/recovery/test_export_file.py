"""The state before a recovery is kept whole, for its owner alone, until nothing in it is needed any more."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from teardown.recovery import export_file
from tests.teardown.recovery.states import EIP, VPC, base, entry, exported

if TYPE_CHECKING:
    from pathlib import Path


def pending_in(path: Path) -> list[str]:
    told = json.loads(path.read_text())["deployment"]["pending_operations"]
    return [each["resource"]["urn"].rpartition("::")[2] for each in told]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return export_file.path_of(tmp_path / "absent" / "staging.json")


def test_it_is_readable_by_its_owner_alone_and_no_draft_is_left(path: Path) -> None:
    assert path.name == "staging.export.json"
    export_file.keep(path, exported(base(), [("creating", entry(VPC, "vpc"))]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_draft_of_a_killed_run_that_others_may_read_is_not_written_into(path: Path) -> None:
    path.parent.mkdir()
    path.with_suffix(".draft").touch(mode=0o644)
    export_file.keep(path, exported(base(), [("creating", entry(VPC, "vpc"))]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_state_that_says_less_does_not_take_its_place(path: Path) -> None:
    export_file.keep(path, exported(base(), [("creating", entry(VPC, "vpc"))]))
    before = path.read_bytes()
    export_file.keep(path, exported([*base(), entry(VPC, "vpc", id="vpc-1")], []))
    assert path.read_bytes() == before


def test_a_later_killed_run_adds_to_what_is_remembered(path: Path) -> None:
    export_file.keep(path, exported(base(), [("creating", entry(EIP, "a")), ("creating", entry(EIP, "b"))]))
    later = exported([*base(), entry(EIP, "a", id="eipalloc-1")], [("creating", entry(VPC, "vpc"))])
    export_file.keep(path, later)
    assert pending_in(path) == ["vpc", "b"]
    assert [each.urn.rpartition("::")[2] for each in export_file.remembered(path, later)] == ["b"]


def test_what_cannot_be_read_stops_the_run_and_is_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(FleetError, match=r"staging\.export\.json is not a kept export"):
        export_file.keep(path, exported(base(), [("creating", entry(VPC, "vpc"))]))
    assert path.read_text() == "{"


def test_it_can_be_removed_more_than_once(path: Path) -> None:
    export_file.keep(path, exported(base(), [("creating", entry(VPC, "vpc"))]))
    export_file.remove(path)
    export_file.remove(path)
    assert not path.exists()
